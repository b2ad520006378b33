-- How an airport has been running: the flights that left it and have arrived.
{{ config(entity='origin', event_time='arrived_at', windows=['1h', '3h', '1d']) }}
select
  count(*)                                                                    as flights,
  avg(dep_delay)                                                              as dep_delay_mean,
  max(dep_delay)                                                              as dep_delay_max,
  avg(arr_delay)                                                              as arr_delay_mean,
  avg(case when arr_delay > {{ var('late_minutes') }} then 1 else 0 end)      as late_share,
  sum(distance) filter (where dep_delay > {{ var('late_minutes') }})          as delayed_distance
from {{ source('raw', 'arrivals') }}
