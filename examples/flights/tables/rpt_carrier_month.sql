{{ config(materialized='table') }}
-- For people: how each carrier did, month by month (by the local day of departure).
select
  cast(date_trunc('month', flights.sched_dep_local) as date)                as month,
  flights.carrier,
  carriers.carrier_name,
  count(*)                                                                  as scheduled_flights,
  count(*) filter (where flights.status = 'cancelled')                      as cancelled_flights,
  count(*) filter (where flights.status = 'diverted')                       as diverted_flights,
  count(*) filter (where flights.is_late)                                   as late_flights,
  count(*) filter (where flights.is_late) / count(flights.arr_delay)        as late_share,
  avg(flights.arr_delay)                                                    as arr_delay_mean
from {{ ref('fct_flights') }} as flights
join {{ ref('dim_carriers') }} as carriers on carriers.carrier = flights.carrier
group by all
order by month, flights.carrier
