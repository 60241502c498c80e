-- `road_current`: the current window of each road and the weather there; a row at each cut at which they differ.

create table current_changes as
select *, sum((alive and not was_alive)::int) over (partition by road order by n) as life,
    alive and (not was_alive or (minute, reports, event_ms, arrival_ms, seen, weather_factor) is distinct from before)
        as changed
from (select *, lag(alive, 1, false) over (partition by road order by n) as was_alive,
          lag(row(minute, reports, event_ms, arrival_ms, seen, weather_factor)) over (partition by road order by n) as before
      from currents left join weather_factors using (road, n));

create table expected_road_current as
select road as road_id, mean(sum_e6, reports) as average_speed,
    case when {vehicle_count} then devices end as vehicle_count,
    reports as report_count,
    kmh as free_flow_speed,
    index_of(mean(sum_e6, reports), kmh) as travel_time_index,
    level_of(mean(sum_e6, reports), kmh) as congestion_level,
    'report_mean' as speed_basis,
    300::bigint as window_s,
    make_timestamptz((minute - 4) * 60000 * 1000) as window_start,
    make_timestamptz(event_ms * 1000) as timestamp,
    mean(seen_e6, seen) as camera_speed, seen as camera_count, weather_factor,
    sum(changed::int) over (partition by road, life order by n)::bigint as revision,
    false as is_final, false as removed, tick,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date,
    arrival_ms + 600000 as expires_ms
from current_changes join cuts using (n) left join free_flow using (road)
qualify changed;
