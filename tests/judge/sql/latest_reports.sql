-- The views that show the newest report of each key: what each of their reports says. Of reports of the same time the one
-- with the lowest rank stands, then the smallest record. `stage` is how far an incident has come; 3 is the end.

create macro stage_of(status) as case
    when lower(trim(status)) in ('responding', 'dispatched', 'en_route', 'on_scene', 'in_progress') then 2
    when lower(trim(status)) in ('resolved', 'closed', 'cleared') then 3 else 1 end;

create macro severity_of(severity, incident_type) as case
    when lower(trim(severity)) in ('low', 'minor') then 'low'
    when lower(trim(severity)) in ('medium', 'moderate') then 'medium'
    when lower(trim(severity)) in ('high', 'major') then 'high'
    when lower(trim(severity)) in ('critical', 'severe') then 'critical'
    when lower(trim(incident_type)) in ('fire', 'medical') then 'critical'
    when lower(trim(incident_type)) = 'accident' then 'high'
    when lower(trim(incident_type)) = 'theft' then 'low' else 'medium' end;

create table camera_reports as
select part, off, camera_id, c.road_id, c.latitude, c.longitude, c.speed, c.direction, vehicle_count, detections
from traffic_camera_data c
join accepted a on a.topic = _topic and a.partition = _partition and a.off = _offset;

create table weather_reports as
select part, off, device_id as station_id, w.latitude, w.longitude, temperature, humidity, wind_speed, precipitation,
    visibility, air_quality_index, pm25, pm10, no2, o3, co, lower(weather_condition) as condition,
    case lower(weather_condition) when 'rain' then 1.2::double when 'fog' then 1.5 when 'snow' then 1.5 else 1.0
        end as road_factor,
    case when air_quality_index <= 50 then 'good' when air_quality_index <= 100 then 'moderate'
        when air_quality_index <= 150 then 'unhealthy_for_sensitive_groups'
        when air_quality_index <= 200 then 'unhealthy' when air_quality_index <= 300 then 'very_unhealthy'
        when air_quality_index is not null then 'hazardous' end as air_quality
from weather_data w
join accepted a on a.topic = _topic and a.partition = _partition and a.off = _offset;

create table incident_reports as
select part, off, incident_id, incident_type, stage_of(status) as stage,
    severity_of(severity, incident_type) as severity, i.latitude, i.longitude, i.road_id, description
from emergency_incident_data i
join accepted a on a.topic = _topic and a.partition = _partition and a.off = _offset;

-- A key is forgotten this long after its newest report arrived.
create table kept_times as
select * from (values ('vehicle_locations', 300000), ('incidents', 7200000), ('weather', 1800000),
                      ('weather_current', 1800000), ('cameras', 600000)) t(view, kept_ms);

create view latest_reports as
select 'vehicle_locations' as view, device as key, (topic = 'vehicle_data')::int as rank, part, off, 1 as stage,
    hash(latitude, longitude, speed, direction) as value
from accepted where topic in ('gps_data', 'vehicle_data')
union all
select 'cameras', camera_id, 0, part, off, 1,
    hash(road_id, latitude, longitude, speed, direction, vehicle_count, detections)
from camera_reports
union all
select 'weather', station_id, 0, part, off, 1, hash(*columns(* exclude (part, off))) from weather_reports
union all
select 'weather_current', 'current', 0, part, off, 1, hash(*columns(* exclude (part, off))) from weather_reports
union all
select 'incidents', incident_id, 0, part, off, stage,
    hash(incident_type, severity, latitude, longitude, road_id, description)
from incident_reports;

-- Of each cut and key the newest report, and how far any of them says it has come.
create table newest_of_cut as
select view, key, cut, max(stage) as stage, unnest(arg_max(
    {{'event_ms': event_ms, 'rank': rank, 'part': part, 'off': off, 'arrival_ms': arrival_ms, 'value': value}},
    row(event_ms, -rank, -part, -off)))
from latest_reports join (select part, off, cut, event_ms, arrival_ms from accepted) using (part, off)
group by view, key, cut
order by cut;

create table latest (view varchar, key varchar, stage int, event_ms bigint, rank int, part bigint, off bigint,
    arrival_ms bigint, value ubigint, revision bigint);
create table latest_rows as select 0::bigint as n, *, false as removed from latest limit 0;
create table latest_keys (n bigint, view varchar, keys bigint);
-- What other views look up: the keys at each cut.
create table latest_live (n bigint, view varchar, key varchar, part bigint, off bigint);
