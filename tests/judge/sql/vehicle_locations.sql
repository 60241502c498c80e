-- The rows of all cuts as the lake has them.

create table expected_vehicle_locations as
select device as vehicle_id, latitude, longitude, speed, direction, make_timestamptz(event_ms * 1000) as timestamp,
    revision, false as is_final, false as removed, tick,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date,
    arrival_ms + 300000 as expires_ms
from vehicle_rows join cuts using (n);
