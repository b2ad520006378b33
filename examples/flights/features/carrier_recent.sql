-- How late a carrier's flights have been arriving.
{{ config(entity='carrier', event_time='arrived_at', windows=['1h', '6h', '1d', '7d']) }}
select
  count(*)                                                                    as flights,
  avg(arr_delay)                                                              as arr_delay_mean,
  max(arr_delay)                                                              as arr_delay_max,
  count(*) filter (where arr_delay > {{ var('late_minutes') }})               as late_flights,
  avg(case when arr_delay > {{ var('late_minutes') }} then 1 else 0 end)      as late_share
from {{ source('raw', 'arrivals') }}
