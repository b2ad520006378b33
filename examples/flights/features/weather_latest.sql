-- The last weather report of the airport. A report is known an hour after the hour that it is of; after six hours it says nothing.
{{ config(entity='origin', event_time='observed_at', delay='1h', ttl='6h') }}
select
  temp,
  temp - dewp     as dew_point_spread,
  wind_speed,
  wind_gust,
  precip,
  pressure,
  visib
from {{ ref('weather_hourly') }}
