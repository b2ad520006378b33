-- A flight lands after it left, and after at least the time that it was in the air.
select flight_id, departed_at, arrived_at, air_time
from {{ ref('fct_flights') }}
where status = 'flown' and date_diff('minute', departed_at, arrived_at) < air_time
