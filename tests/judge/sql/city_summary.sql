-- `city_summary`: totals over the other views at each cut; a row unless all is as at the cut before, the clock included.

create table totals as
select n, now_ms,
    coalesce((select keys from latest_keys k where k.n = c.n and view = 'vehicle_locations'), 0) as vehicles,
    coalesce((select keys from latest_keys k where k.n = c.n and view = 'incidents'), 0) as incidents,
    coalesce(roads, 0) as roads, coalesce(congested, 0) as congested,
    coalesce(sum_e6::double / 1e6::double / reports::double, 0) as speed
from cuts c
left join (select n, count(*) as roads, sum(sum_e6)::bigint as sum_e6, sum(reports)::bigint as reports,
               count(*) filter (level_of(mean(sum_e6, reports), kmh) in ('heavy', 'severe')) as congested
           from currents left join free_flow using (road) where alive group by n) using (n);

create table expected_city_summary as
select 'summary' as name, vehicles as total_vehicles, incidents as active_emergencies, speed as average_city_speed,
    congested as congested_roads, roads as roads_reporting,
    make_timestamptz(now_ms * 1000) as timestamp,
    row_number() over (order by n) as revision,
    false as is_final, false as removed, tick,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date,
    now_ms + 60000 as expires_ms
from (select * from totals
      qualify row(now_ms, vehicles, incidents, roads, congested, speed) is distinct from
          lag(row(now_ms, vehicles, incidents, roads, congested, speed)) over (order by n))
join (select n, tick, wm_ms from cuts) using (n);
