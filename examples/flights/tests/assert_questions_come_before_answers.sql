-- No label is known when its question is asked.
select flight_id, predicted_at, known_at
from {{ ref('departures') }}
where known_at <= predicted_at
