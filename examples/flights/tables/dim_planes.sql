{{ config(materialized='table') }}
-- One row per tail number that flew, with what the register knows of it: all null for the tail numbers that it lacks.
with flown as (
  select distinct tailnum
  from {{ source('raw', 'flights') }}
  where tailnum is not null
)
select
  flown.tailnum,
  planes.manufacturer,
  planes.model,
  planes.year   as built_year,
  planes.engines,
  planes.seats
from flown
left join {{ source('raw', 'planes') }} as planes on planes.tailnum = flown.tailnum
order by flown.tailnum
