-- What every row of these views has beside its own columns.

create view stamped as
select view, key, part, off, stage, removed, revision, false as is_final, tick,
    case when not removed then make_timestamptz(event_ms * 1000) end as timestamp,
    make_timestamptz(wm_ms * 1000) as watermark,
    make_timestamp(now_ms * 1000)::date as date,
    arrival_ms + kept_ms as expires_ms
from latest_rows join cuts using (n) join kept_times using (view);
