-- `road_current`: the 5-minute window ending with the newest minute whose earliest report is not beyond the clock + skew.
-- Its time is the newest event of that minute; it leaves, without a row, 10 min after that report arrived, judged by the
-- clock of the cut before, or when its last minute is freed.

create table minute_states as
select road, minute, cut,
    min(first_ms) over w as first_ms,
    arg_max(newest, newest.rank) over w as newest
from (select road, event_ms // 60000 as minute, cut, min(event_ms) as first_ms,
          arg_max({{'event_ms': event_ms, 'arrival_ms': arrival_ms, 'rank': row(event_ms, -part, -off)}},
                  row(event_ms, -part, -off)) as newest
      from readings group by all)
window w as (partition by road, minute order by cut);

create table eligible as
select road, cut, max(minute) as minute
from (select road, minute, min(greatest(s.cut, c.cut)) as cut
      from minute_states s
      asof join (select now_ms + {clock_skew_ms} as until_ms, min(n) as cut from cuts group by all) c
          on s.first_ms <= c.until_ms
      group by all)
group by all;

create table current_minutes as
select r.road, n, max(e.minute) over (partition by r.road order by n) as minute
from (select road, min(cut) as first_cut from eligible group by all) r
join cuts on n >= first_cut
left join eligible e on e.road = r.road and e.cut = n;

-- Every road at every cut since its first report.
create table currents as
select m.road, m.n, m.minute, s.newest.event_ms as event_ms, s.newest.arrival_ms as arrival_ms,
    w.reports, w.sum_e6, w.devices,
    not coalesce(s.newest.arrival_ms + 600000 <= prev_now_ms, false)
        and not coalesce(m.minute * 60000 + 300000 + {correction_horizon_ms} <= prev_wm_ms, false) as alive
from current_minutes m
asof join minute_states s on m.road = s.road and m.minute = s.minute and m.n >= s.cut
asof join (from window_states where window_s = 300) w
    on m.road = w.road and (m.minute - 4) * 60000 = w.start_ms and m.n >= w.cut
join cuts on cuts.n = m.n;

create table current_changes as
select *, sum((alive and not was_alive)::int) over (partition by road order by n) as life,
    alive and (not was_alive or (minute, reports, event_ms, arrival_ms) is distinct from before) as changed
from (select *, lag(alive, 1, false) over (partition by road order by n) as was_alive,
          lag(row(minute, reports, event_ms, arrival_ms)) over (partition by road order by n) as before
      from currents);

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
    sum(changed::int) over (partition by road, life order by n)::bigint as revision,
    false as is_final, false as removed, tick,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date,
    arrival_ms + 600000 as expires_ms
from current_changes join cuts using (n) left join free_flow using (road)
qualify changed;
