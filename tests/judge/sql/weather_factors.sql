-- What the weather at a road does to it: of the nearest station at each cut, not farther than 25 km from where the newest
-- report of the current window's last minute came from. Distances are great circles', told apart to the micrometre.

create macro metres(lat, lon, other_lat, other_lon) as 2 * 6371008.8 * asin(least(1.0, sqrt(
    sin(radians(other_lat - lat) / 2) ** 2
    + cos(radians(lat)) * cos(radians(other_lat)) * sin(radians(other_lon - lon) / 2) ** 2)));

create table stations_at as
select n, station_id, road_factor, round(latitude, 7) as latitude, round(longitude, 7) as longitude
from latest_live join weather_reports using (part, off) where view = 'weather';

create table weather_factors as
select road, n, weather_factor
from (select n, latitude, longitude, arg_min(road_factor, row(distance, station_id)) as weather_factor
      from (select p.*, station_id, road_factor,
                round(metres(round(p.latitude, 7), round(p.longitude, 7), s.latitude, s.longitude), 6) as distance
            from (select distinct n, latitude, longitude from currents where alive) p join stations_at s using (n))
      where distance <= 25000 group by all)
join (from currents where alive) using (n, latitude, longitude);
