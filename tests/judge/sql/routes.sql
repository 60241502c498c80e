-- `routes`: what each road of a route takes at each cut, in whole milliseconds: as fast as it is now, but at least 1 km/h,
-- else at free flow. A row at each cut at which a sum differs; a route is there whether there is data or not.

create macro takes_ms(length_m, speed) as half_even(length_m * 3600 / speed);

create table route_legs as
select route, n, road, length_m, reports is not null as has_data,
    takes_ms(length_m, kmh) as free_ms,
    case when has_data then takes_ms(length_m, greatest(mean(sum_e6, reports), 1.0)) end as now_ms
from (select route, road, fsum(length_m) as length_m from route_roads group by all) cross join (select n from cuts)
left join free_flow using (road)
left join (select road, n, sum_e6, reports from currents where alive) using (road, n);

create table route_sums as
select route, n,
    case when count(coalesce(now_ms, free_ms)) = count(*) then sum(coalesce(now_ms, free_ms))::bigint end as travel_ms,
    case when count(free_ms) = count(*) then sum(free_ms)::bigint end as free_ms,
    fsum(length_m order by road) as length_m,
    first(road order by now_ms - free_ms desc, road) filter (now_ms > free_ms) as worst_road,
    count(*) as roads, count(*) filter (not has_data) as without
from route_legs group by route, n;

create view routes_at as
select route as route_id, n,
    travel_ms / 1000.0::double as travel_time_s, free_ms / 1000.0::double as free_flow_s,
    (travel_ms - free_ms) / 1000.0::double as delay_s,
    case when free_ms > 0 then travel_ms::double / free_ms::double end as travel_time_index,
    length_m, worst_road, roads, without as roads_without_data
from route_sums;

create view sums_at as
select route as route_id, n, row(travel_ms, free_ms, worst_road, without) as sums from route_sums;

create table expected_routes as
select r.* exclude (n, sums),
    row_number() over (partition by route_id order by n) as revision,
    false as is_final, false as removed, tick,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date,
    null::bigint as expires_ms
from (from routes_at join sums_at using (route_id, n)
      qualify sums is distinct from lag(sums) over (partition by route_id order by n)) r
join cuts using (n);
