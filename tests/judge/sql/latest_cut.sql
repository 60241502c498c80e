-- One cut: its reports, then the keys whose newest report arrived long enough before the clock of the cut before leave,
-- without a row. One that is resolved is removed, with a row if the cut before had it, even if it leaves at this very
-- cut; it is remembered until it leaves.

create or replace temp table newest as
select distinct on (view, key) * replace (max(stage) over (partition by view, key) as stage)
from (select * exclude (cut), null::bigint as revision from newest_of_cut where cut = {n}
      union all by name
      select l.* from latest l semi join (from newest_of_cut where cut = {n}) using (view, key))
order by view, key, event_ms desc, rank, part, off;

create or replace temp table renewed as
select n.* replace (case when was.stage < 3 then was.revision + 1 else 1 end as revision),
    was.stage < 3 as was_there,
    n.arrival_ms + kept_ms <= {prev_now_ms} as has_left
from newest n join kept_times using (view) left join latest was using (view, key)
where was.key is null
    or (n.event_ms, n.value, n.arrival_ms, n.stage) is distinct from (was.event_ms, was.value, was.arrival_ms, was.stage);

delete from latest where (view, key) in (select (view, key) from renewed);
insert into latest select * exclude (was_there, has_left) from renewed;
delete from latest l using kept_times k where l.view = k.view and arrival_ms + kept_ms <= {prev_now_ms};
insert into latest_rows
select {n}, * exclude (was_there, has_left), stage = 3 from renewed
where (stage < 3 and not coalesce(has_left, false)) or (stage = 3 and coalesce(was_there, false));
insert into latest_live
select {n}, view, key, part, off from latest where stage < 3 and view in ('incidents', 'weather');
insert into latest_keys select {n}, view, count(*) from latest where stage < 3 group by view;
