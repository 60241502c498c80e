-- `reports`: what stands in raw/<topic>, with the number of its partition and its cut. `content` is everything an event
-- says but its place: −0 is 0, absent text is empty text.

create table places_of as
select distinct on (part, off) part, topic, partition, off, cut from offsets where not rejected and part is not null;

create table reports as
select p.*, r.* exclude (_topic, _partition, _offset)
from (select _topic, _partition, _offset, id, device_id as device, epoch_ms(timestamp) as event_ms, latitude, longitude,
          speed, direction, road_id, _timestamp_ms as sent_ms,
          hash(device_id, timestamp, latitude + 0.0, longitude + 0.0, speed + 0.0, direction + 0.0, vehicle_type,
               road_id) as content
      from gps_data
      union all by name
      select _topic, _partition, _offset, id, device_id as device, epoch_ms(timestamp) as event_ms, latitude, longitude,
          speed, direction, road_id, _timestamp_ms as sent_ms,
          hash(device_id, timestamp, latitude + 0.0, longitude + 0.0, speed + 0.0, direction + 0.0, vehicle_type, make,
               model, year, fuel_type, road_id) as content
      from vehicle_data
      union all by name
      select _topic, _partition, _offset, id, device_id as device, epoch_ms(timestamp) as event_ms, latitude, longitude,
          speed, road_id, _timestamp_ms as sent_ms,
          hash(device_id, timestamp, latitude + 0.0, longitude + 0.0, camera_id, speed + 0.0, direction + 0.0, road_id,
               vehicle_count + 0.0, detections) as content
      from traffic_camera_data
      union all by name
      select _topic, _partition, _offset, id, device_id as device, epoch_ms(timestamp) as event_ms, latitude, longitude,
          _timestamp_ms as sent_ms,
          hash(device_id, timestamp, latitude + 0.0, longitude + 0.0, temperature + 0.0, weather_condition,
               humidity + 0.0, wind_speed + 0.0, precipitation + 0.0, visibility + 0.0, air_quality_index + 0.0,
               pm25 + 0.0, pm10 + 0.0, no2 + 0.0, o3 + 0.0, co + 0.0) as content
      from weather_data
      union all by name
      select _topic, _partition, _offset, id, device_id as device, epoch_ms(timestamp) as event_ms, latitude, longitude,
          _timestamp_ms as sent_ms,
          hash(device_id, timestamp, latitude + 0.0, longitude + 0.0, incident_id, incident_type, status, severity,
               description, road_id) as content
      from emergency_incident_data) r
join places_of p on r._topic = p.topic and r._partition = p.partition and r._offset = p.off;
