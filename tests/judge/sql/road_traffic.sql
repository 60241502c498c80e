-- `road_traffic`: a row at each cut that adds reports, or a camera's, to a window, and at the cut by whose watermark it is final.
-- Final is final, should the watermark go back.
-- A window is freed, without a row, at the first cut where the last watermark is 5 min + horizon past its start.

create table window_lives as
select w.*, f.cut as final_cut, g.cut as freed_cut
from (select road, window_s, start_ms, min(cut) as first_cut from window_states group by all) w
asof left join (select top_wm_ms, min(n) as cut from cuts where top_wm_ms is not null group by all) f
    on w.start_ms + w.window_s * 1000 <= f.top_wm_ms
asof left join (select prev_wm_ms, min(n) as cut from cuts where prev_wm_ms is not null group by all) g
    on w.start_ms + 300000 + {correction_horizon_ms} <= g.prev_wm_ms;

create table window_changes as
select road, window_s, start_ms, cut from window_states
union
select road, window_s, start_ms, final_cut from window_lives
where final_cut > first_cut and (freed_cut is null or final_cut < freed_cut);

create table expected_road_traffic as
select road as road_id, window_s::bigint as window_s, make_timestamptz(start_ms * 1000) as window_start, tick,
    mean(sum_e6, reports) as average_speed,
    case when {vehicle_count} then devices end as vehicle_count,
    reports as report_count, min_speed, max_speed,
    kmh as free_flow_speed,
    index_of(mean(sum_e6, reports), kmh) as travel_time_index,
    level_of(mean(sum_e6, reports), kmh) as congestion_level,
    'report_mean' as speed_basis,
    mean(seen_e6, seen) as camera_speed, seen as camera_count,
    row_number() over (partition by road, window_s, start_ms order by n) as revision,
    coalesce(start_ms + window_s * 1000 <= top_wm_ms, false) as is_final,
    false as removed,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date
from (select c.*, s.* exclude (road, window_s, start_ms, cut)
      from window_changes c asof join window_states s
          on c.road = s.road and c.window_s = s.window_s and c.start_ms = s.start_ms and c.cut >= s.cut) e
join cuts on n = e.cut
left join free_flow using (road);
