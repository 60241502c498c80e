-- `cameras`: the newest report of each camera.

create table expected_cameras as
select c.* exclude (part, off), s.* exclude (view, key, part, off, stage)
from stamped s join camera_reports c using (part, off) where view = 'cameras';
