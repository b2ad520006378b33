{{ config(materialized='table') }}
-- The history of the stream raw.arrivals: flights that arrived, in the order in which they were reported. Cancelled and diverted
-- flights never arrive, so they never become an event.
--
-- received_at is a simulation, and the only made-up column of this project: the source does not say when an arrival was reported.
-- One flight in ten, picked by its id, is reported 5 to 90 minutes after it landed, all others at once. So it is the same at every
-- build, and features meet what they meet in real life: events that are known later than they happen.
with mixed as (
  select *, flight_id * 2654435761 % 4294967296 // 65536 as pick
  from {{ ref('fct_flights') }}
  where status = 'flown'
)
select
  flight_id,
  arrived_at,
  arrived_at + to_minutes(case when pick % 10 = 0 then 5 + pick // 10 % 86 else 0 end) as received_at,
  carrier,
  origin,
  dest,
  tailnum,
  arr_delay,
  dep_delay,
  air_time,
  distance
from mixed
order by received_at, flight_id
