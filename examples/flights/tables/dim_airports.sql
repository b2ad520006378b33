{{ config(materialized='table') }}
-- The source lacks four destinations, all in the Caribbean. Without their zone their flights would have no instants.
with missing(airport, airport_name, latitude, longitude, time_zone) as (
  values
    ('BQN', 'Rafael Hernandez',      18.4949, -67.1294, 'America/Puerto_Rico'),
    ('PSE', 'Mercedita',             18.0083, -66.5630, 'America/Puerto_Rico'),
    ('SJU', 'Luis Munoz Marin Intl', 18.4394, -66.0018, 'America/Puerto_Rico'),
    ('STT', 'Cyril E King',          18.3373, -64.9734, 'America/St_Thomas')
)
select faa as airport, name as airport_name, lat as latitude, lon as longitude, tzone as time_zone
from {{ source('raw', 'airports') }}
union all
select airport, airport_name, latitude, longitude, time_zone
from missing
where airport not in (select faa from {{ source('raw', 'airports') }})
order by airport
