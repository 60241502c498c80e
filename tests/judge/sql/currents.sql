-- `currents`: the 5-minute window ending with the newest minute whose earliest report is not beyond the clock + skew.
-- Its time and place are the newest event's of that minute; it leaves, without a row, 10 min after that report arrived,
-- judged by the clock of the cut before, or when its last minute is freed.

create table minute_states as
select road, minute, cut,
    min(first_ms) over w as first_ms,
    arg_max(newest, newest.place) over w as newest
from (select road, event_ms // 60000 as minute, cut, min(event_ms) as first_ms,
          arg_max({{'event_ms': event_ms, 'arrival_ms': arrival_ms, 'latitude': latitude, 'longitude': longitude,
                   'place': row(event_ms, -rank, -part, -off)}},
                  row(event_ms, -rank, -part, -off)) as newest
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
    s.newest.latitude as latitude, s.newest.longitude as longitude,
    w.reports, w.sum_e6, w.devices, w.seen, w.seen_e6,
    not coalesce(s.newest.arrival_ms + 600000 <= prev_now_ms, false)
        and not coalesce(m.minute * 60000 + 300000 + {correction_horizon_ms} <= prev_wm_ms, false) as alive
from current_minutes m
asof join minute_states s on m.road = s.road and m.minute = s.minute and m.n >= s.cut
asof join (from window_states where window_s = 300) w
    on m.road = w.road and (m.minute - 4) * 60000 = w.start_ms and m.n >= w.cut
join cuts on cuts.n = m.n;
