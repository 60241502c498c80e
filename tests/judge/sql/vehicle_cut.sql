-- One cut: its reports, then the vehicles whose report arrived 5 min before the clock of the cut before leave.

create or replace temp table newest as
select distinct on (device) *
from (select device, event_ms, part, off, latitude, longitude, speed, direction, arrival_ms, 0 as revision
      from accepted where cut = {n}
      union all by name
      from vehicles semi join (select device from accepted where cut = {n}) using (device))
order by device, event_ms desc, part, off;

create or replace temp table renewed as
select n.* replace (coalesce(v.revision, 0) + 1 as revision)
from newest n left join vehicles v using (device)
where v.device is null
    or (n.event_ms, n.latitude, n.longitude, n.speed, n.direction, n.arrival_ms)
        is distinct from (v.event_ms, v.latitude, v.longitude, v.speed, v.direction, v.arrival_ms);

delete from vehicles where device in (select device from renewed);
insert into vehicles from renewed;
delete from vehicles where arrival_ms + 300000 <= {prev_now_ms};
insert into vehicle_rows select {n}, * from renewed where not coalesce(arrival_ms + 300000 <= {prev_now_ms}, false);
