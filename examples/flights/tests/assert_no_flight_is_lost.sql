-- Every scheduled flight of the source is in the fact, once.
select raw.n as in_source, ours.n as in_fact
from (select count(*) as n from {{ source('raw', 'flights') }}) as raw,
     (select count(*) as n from {{ ref('fct_flights') }}) as ours
where raw.n <> ours.n
