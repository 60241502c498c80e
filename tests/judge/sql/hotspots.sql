-- `hotspots`: at each cut the 20 current roads that lose the largest share of their free-flow speed, ties by road.
-- A rank without a road any more is removed, with a row.

create table ranked as
select n, row_number() over (partition by n order by 1.0 - speed / kmh desc, road) as rank, road, speed, kmh
from (select n, road, mean(sum_e6, reports) as speed, kmh from currents join free_flow using (road) where alive)
qualify rank <= 20;

create table rank_changes as
select *, sum((there and not was_there)::int) over (partition by rank order by n) as life,
    case when there then not was_there or (road, speed, kmh) is distinct from before else was_there end as changed
from (select *, lag(there, 1, false) over (partition by rank order by n) as was_there,
          lag(row(road, speed, kmh)) over (partition by rank order by n) as before
      from (select n, rank, road, speed, kmh, road is not null as there
            from cuts cross join (select unnest(range(1, 21)) as rank) left join ranked using (n, rank)));

create table expected_hotspots as
select rank, road as road_id, 1.0 - speed / kmh as congestion, speed as average_speed, kmh as free_flow_speed,
    sum(changed::int) over (partition by rank, life order by n)::bigint as revision,
    false as is_final, not there as removed, tick,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date
from rank_changes join cuts using (n)
qualify changed;
