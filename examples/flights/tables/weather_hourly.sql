{{ config(materialized='table') }}
-- One row per airport and hour. The instant is time_hour, which the source has in UTC. Its local columns (year, month, day, hour)
-- can't tell the two hours from 1 to 2 on 3 November apart, time_hour can. The last report is of 30 December.
select
  origin,
  time_hour at time zone 'UTC' as observed_at,
  temp,
  dewp,
  humid,
  wind_speed,
  wind_gust,
  precip,
  pressure,
  visib
from {{ source('raw', 'weather') }}
order by observed_at, origin
