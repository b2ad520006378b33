{{ config(materialized='view') }}
-- Local clock times become instants in UTC.
--
-- Departure: year, month, day and the scheduled clock time are New York's; the zone's rules turn them into an instant. No flight is
-- scheduled in the hour that is missing on 10 March or doubled on 3 November, so each has exactly one.
-- Scheduled arrival: the source has the clock time alone, in the destination's zone. It is the first such clock time after the
-- departure: that day's, or the next day's when it lies at or before the departure (2359 to 0512 rolls over midnight, and 2400 is
-- the midnight that ends a day). No flight of the data takes a day.
-- Actual times: schedule plus delay. Clock times are not used for them, since a delay says on which day, and a clock time does not:
-- the longest delay is 21 hours. Computed back to local clock times they agree with dep_time for all 328,521 departures, and with
-- arr_time for all but one of 327,346 arrivals: B6 35 of 9 March landed while clocks went forward, and its 203 never was.
--
-- Cancelled (8,255 flights): no dep_time. Diverted (1,175): departed, but no arr_delay; 717 of them have an arr_time, of a later hop
-- or another airport, which says nothing of an arrival as scheduled. Both stay in the fact, with null for what did not happen.
with placed as (
  select
    flights.*,
    airports.time_zone as dest_zone,
    make_timestamp(flights.year, flights.month, flights.day, flights.sched_dep_time // 100, flights.sched_dep_time % 100, 0)
      as sched_dep_local
  from {{ source('raw', 'flights') }} as flights
  left join {{ ref('dim_airports') }} as airports on airports.airport = flights.dest
),
departing as (
  select
    *,
    sched_dep_local at time zone 'America/New_York' at time zone 'UTC'     as sched_dep,
    sched_dep_local at time zone 'America/New_York' at time zone dest_zone as sched_dep_there
  from placed
),
arriving as (
  select
    *,
    date_trunc('day', sched_dep_there) + to_minutes(sched_arr_time // 100 * 60 + sched_arr_time % 100) as same_day_arr_there
  from departing
),
scheduled as (
  select
    *,
    (same_day_arr_there + to_days(case when same_day_arr_there <= sched_dep_there then 1 else 0 end))
      at time zone dest_zone at time zone 'UTC' as sched_arr
  from arriving
)
select
  -- Schedule, carrier, number and origin tell all flights apart: the id is the same at every build.
  row_number() over (order by sched_dep, carrier, flight, origin) as flight_id,
  case when dep_time is null then 'cancelled' when arr_delay is null then 'diverted' else 'flown' end as status,
  carrier,
  flight,
  tailnum,
  origin,
  dest,
  dest_zone,
  sched_dep_local,
  sched_dep,
  sched_arr,
  sched_dep + to_minutes(dep_delay)        as departed_at,
  sched_arr + to_minutes(arr_delay)        as arrived_at,
  cast(dep_delay as double)                as dep_delay,
  cast(arr_delay as double)                as arr_delay,
  cast(air_time as double)                 as air_time,
  cast(distance as double)                 as distance,
  dep_time % 2400                          as dep_clock,
  arr_time % 2400                          as arr_clock
from scheduled
