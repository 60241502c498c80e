-- `vehicle_locations`: the newest report of each vehicle; of the same time gps_data before vehicle_data.

create table expected_vehicle_locations as
select key as vehicle_id, latitude, longitude, speed, direction, s.* exclude (view, key, part, off, stage)
from stamped s join accepted using (part, off) where view = 'vehicle_locations';
