-- `watched`: what rules of alerts may watch: the value of each subject at each cut at which it has one.

create table watched as
select n, 'incident_severity' as watches, key as subject,
    list_position(['low', 'medium', 'high', 'critical'], severity)::double - 1 as value
from latest_live join incident_reports using (part, off) where view = 'incidents'
union all
select n, 'congestion_level', road,
    list_position(['light', 'moderate', 'heavy', 'severe'], level_of(mean(sum_e6, reports), kmh)) - 1
from currents left join free_flow using (road) where alive
union all
select n, 'route_delay_s', route_id, delay_s from routes_at where delay_s is not null
union all
select n, 'air_quality_index', key, air_quality_index
from latest_live join weather_reports using (part, off) where view = 'weather' and air_quality_index is not null
union all
-- Whole seconds since the newest event arrived, copies and late ones included.
select n, 'silent_s', topic, (now_ms - arrival_ms) // 1000
from cuts join (select topic, cut, max(max(arrival_ms)) over (partition by topic order by cut) as arrival_ms
                from arrived group by topic, cut) on n >= cut
qualify row_number() over (partition by n, topic order by cut desc) = 1;
