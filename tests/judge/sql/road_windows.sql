-- What is known of a road's minutes and windows at each cut that adds to them: running totals over the cuts.
-- Sums are integers of speed x 10^6, rounded half to even.

create macro half_even(x) as (case when x - floor(x) = 0.5 then 2 * round(x / 2) else round(x) end)::bigint;

create macro e6(x) as half_even(x * 1e6);

create table minute_parts as
select road, event_ms // 60000 as minute, cut, count(*) as reports, sum(e6(speed))::bigint as sum_e6,
    min(speed) as min_speed, max(speed) as max_speed, 0 as seen, 0 as seen_e6
from readings group by all
union all by name
select road, event_ms // 60000 as minute, cut, 0 as reports, 0 as sum_e6, count(*) as seen,
    sum(e6(speed))::bigint as seen_e6
from sightings group by all;

-- A minute is the one of its tumbling window and one of five hopping windows.
create table windows_of as
select * from (values (60, 0), (300, 0), (300, 1), (300, 2), (300, 3), (300, 4)) t(window_s, back);

create table window_parts as
select road, window_s, (minute - back) * 60000 as start_ms, cut, sum(reports)::bigint as reports,
    sum(sum_e6)::bigint as sum_e6, min(min_speed) as min_speed, max(max_speed) as max_speed,
    sum(seen)::bigint as seen, sum(seen_e6)::bigint as seen_e6
from minute_parts, windows_of group by all;

-- A device counts in a window from the cut of its first report there.
create table window_devices as
select road, window_s, start_ms, cut, count(*) as devices
from (select road, window_s, (minute - back) * 60000 as start_ms, device, min(cut) as cut
      from (select road, event_ms // 60000 as minute, device, min(cut) as cut from readings group by all), windows_of
      group by all)
group by all;

-- A window that only cameras saw is none.
create table window_states as
select road, window_s, start_ms, cut,
    sum(reports) over w::bigint as reports,
    sum(sum_e6) over w::bigint as sum_e6,
    min(min_speed) over w as min_speed,
    max(max_speed) over w as max_speed,
    sum(seen) over w::bigint as seen,
    sum(seen_e6) over w::bigint as seen_e6,
    sum(coalesce(devices, 0)) over w::bigint as devices
from window_parts left join window_devices using (road, window_s, start_ms, cut)
window w as (partition by road, window_s, start_ms order by cut)
qualify sum(reports) over w > 0;

create macro mean(sum_e6, reports) as
    case when reports > 0 then sum_e6::double / 1e6::double / reports::double end;

create macro level_of(speed, free) as case
    when free is not null then case
        when speed / free > 0.70 then 'light' when speed / free > 0.40 then 'moderate'
        when speed / free > 0.20 then 'heavy' else 'severe' end
    when speed > 45 then 'light' when speed > 25 then 'moderate' when speed > 10 then 'heavy' else 'severe' end;

create macro index_of(speed, free) as case when speed > 0 then free / speed end;
