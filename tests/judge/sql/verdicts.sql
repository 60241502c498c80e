-- Which reports no view counts, in this order: duplicate, too late.
--
-- A duplicate has the id and the content of another of its topic. Of copies within a cut the smallest record is the
-- first. A cut's prints are dropped whole when the cut is older than the dedup horizon, at a cut and by the clock of the cut before
-- it: so they are still known in cut n if they are younger than that by the clock of cut n - 2.

create table copies as
select part, off, cut,
    row_number() over same_cut = 1 as first_in_cut,
    max(cut) over (partition by topic, id, content order by cut range between unbounded preceding and 1 preceding)
        as seen_in
from arrived
where {dedup} and id in (select id from arrived where id is not null group by id having count(*) > 1)
window same_cut as (partition by topic, id, content, cut order by part, off);

create table duplicates as
select c.part, c.off
from copies c
left join cuts seen on seen.n = c.seen_in
left join cuts two_before on two_before.n = c.cut - 2
where not first_in_cut or seen.now_ms + {dedup_horizon_ms} > coalesce(two_before.now_ms, -1);

-- Too late: the minute of the event was closed for corrections at the cut before.
create table judged as
select a.*, case
    when d.part is not null then 'duplicate'
    when (event_ms // 60000 + 1) * 60000 + {correction_horizon_ms} <= prev_wm_ms then 'too_late'
    end as verdict,
    coalesce(event_ms < prev_wm_ms, false) as is_late
from arrived a
join cuts on n = cut
left join duplicates d on d.part = a.part and d.off = a.off;

create table accepted as select * exclude (verdict, is_late) from judged where verdict is null order by cut, part, off;

-- What counts for roads; of the same time the report of the topic with the lowest rank is the newest.
create table readings as
select *, road_id as road, list_position({topics}, topic) as rank from accepted where list_contains({speed_from}, topic);

-- What cameras say of roads.
create table sightings as
select *, road_id as road from accepted where topic = 'traffic_camera_data' and speed is not null;

create view verdicts as
select topic as _topic, partition as _partition, off as _offset, verdict, tick
from judged join cuts on cut = n
where verdict is not null;

create view listed as select _topic, _partition, _offset, verdict, tick from dropped;
