-- `incidents`: the newest report of each incident and how far any report says it has come; none once it is resolved.

create table expected_incidents as
select key as incident_id,
    case when not removed then incident_type end as incident_type,
    case when not removed then ['active', 'responding'][s.stage] end as status,
    case when not removed then severity end as severity,
    case when not removed then latitude end as latitude,
    case when not removed then longitude end as longitude,
    case when not removed then road_id end as road_id,
    case when not removed then description end as description,
    s.* exclude (view, key, part, off, stage)
from stamped s join incident_reports using (part, off) where view = 'incidents';
