{{ config(materialized='table') }}
-- The question, with its answer: two hours before the scheduled departure, will this flight arrive more than
-- late_minutes minutes late? One row per flight that arrived. Cancelled and diverted flights have no arrival delay and
-- so no label; that makes it a question about flights that fly, asked at a time when nobody knows yet that they will.
--
-- All that is asked with is on the timetable: sched_* and distance, and the plane's seats, if the plane is in the register.
-- The plane is the one that flew. Airlines swap planes, seldom within two hours of departure; the source has no planned tail number.
select
  flights.flight_id,
  flights.sched_dep - interval 2 hours         as predicted_at,
  cast(flights.is_late as integer)             as late,
  arrivals.received_at                         as known_at,
  flights.carrier,
  flights.origin,
  flights.dest,
  flights.tailnum,
  flights.sched_dep,
  flights.sched_dep_local,
  cast(flights.sched_minutes as double)        as sched_minutes,
  flights.distance,
  cast(planes.seats as double)                 as seats
from {{ ref('fct_flights') }} as flights
join {{ ref('arrivals_backfill') }} as arrivals on arrivals.flight_id = flights.flight_id
left join {{ ref('dim_planes') }} as planes on planes.tailnum = flights.tailnum
order by predicted_at, flights.flight_id
