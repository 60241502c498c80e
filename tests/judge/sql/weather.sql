-- `weather`: the newest report of each station. `weather_current`: the newest of all.

create table expected_weather as
select w.* exclude (part, off), s.* exclude (view, key, part, off, stage)
from stamped s join weather_reports w using (part, off) where view = 'weather';

create table expected_weather_current as
select key as name, station_id, temperature, humidity, condition, wind_speed, visibility,
    s.* exclude (view, key, part, off, stage)
from stamped s join weather_reports w using (part, off) where view = 'weather_current';
