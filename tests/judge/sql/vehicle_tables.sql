-- `vehicle_locations`: the newest report of each vehicle: largest event time, then smallest record.

create table vehicles (device varchar, event_ms bigint, part bigint, off bigint, latitude double, longitude double,
    speed double, direction double, arrival_ms bigint, revision bigint);
create table vehicle_rows as select 0::bigint as n, * from vehicles limit 0;
