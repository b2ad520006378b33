-- Our instants, put back on the clocks on the spot, are the clock times of the source; the one arrival that is not is told of in
-- stg_flights. strftime gives 0 to 2359.
with back as (
  select
    flight_id,
    dep_clock,
    arr_clock,
    cast(strftime(departed_at at time zone 'UTC' at time zone 'America/New_York', '%H%M') as bigint) as dep_clock_of_instant,
    cast(strftime(arrived_at at time zone 'UTC' at time zone dest_zone, '%H%M') as bigint)           as arr_clock_of_instant
  from {{ ref('fct_flights') }}
  where status = 'flown'
)
select count(*) as disagreeing
from back
where dep_clock <> dep_clock_of_instant or arr_clock <> arr_clock_of_instant
having count(*) > 1
