-- The plane's latest arrival, if it was within two days. The data has flights out of New York alone, so the plane's way back is
-- unseen: what carries over is its delay, and how long ago it was.
{{ config(entity='tailnum', event_time='arrived_at', ttl='2d') }}
select
  arr_delay,
  arrived_at,
  dest        as last_airport
from {{ source('raw', 'arrivals') }}
where tailnum is not null
