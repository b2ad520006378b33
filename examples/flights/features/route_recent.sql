-- How late flights have been arriving on a route, an airport and a destination together.
{{ config(entity=['origin', 'dest'], event_time='arrived_at', windows=['1d', '7d', '30d']) }}
select
  count(*)                                                                    as flights,
  avg(arr_delay)                                                              as arr_delay_mean,
  min(air_time)                                                               as air_time_min,
  avg(case when arr_delay > {{ var('late_minutes') }} then 1 else 0 end)      as late_share
from {{ source('raw', 'arrivals') }}
