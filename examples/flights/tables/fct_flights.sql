{{ config(materialized='table') }}
-- The fact of the star: one row per scheduled flight. How cancelled and diverted flights are treated: stg_flights.
select
  flight_id,
  status,
  carrier,
  flight,
  tailnum,
  origin,
  dest,
  sched_dep_local,
  sched_dep,
  sched_arr,
  departed_at,
  arrived_at,
  dep_delay,
  arr_delay,
  arr_delay > {{ var('late_minutes') }}                         as is_late,
  date_diff('minute', sched_dep, sched_arr)                     as sched_minutes,
  air_time,
  distance,
  dep_clock,
  arr_clock,
  dest_zone
from {{ ref('stg_flights') }}
order by flight_id
