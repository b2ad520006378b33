-- The trip itself, from the timetable; and how what is known of it fits together.
{{ config(kind='request', request={
     'sched_dep': 'timestamp', 'sched_dep_local': 'timestamp', 'sched_minutes': 'double', 'distance': 'double', 'seats': 'double'}) }}
select
  extract(hour from sched_dep_local)                                                            as dep_hour,
  extract(hour from sched_dep_local) * 60 + extract(minute from sched_dep_local)                as dep_minute,
  extract(dow from sched_dep_local)                                                             as dep_weekday,
  case when extract(dow from sched_dep_local) in (0, 6) then 1 else 0 end                       as is_weekend,
  distance,
  sched_minutes,
  distance / nullif(sched_minutes, 0)                                                           as sched_speed,
  seats,
  (extract(epoch from sched_dep) - extract(epoch from plane_last.arrived_at)) / 3600            as hours_since_plane_arrived,
  coalesce(plane_last.arr_delay, carrier_recent.arr_delay_mean_1d)                              as plane_or_carrier_delay,
  origin_recent.arr_delay_mean_3h - carrier_recent.arr_delay_mean_1d                            as origin_against_carrier
from request
