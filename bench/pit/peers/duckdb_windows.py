"""DuckDB: hour tiles with raw edges.

The events are added up by key and hour. A label at t then takes, for a window of w hours, the tiles of the hours that lie in
the window as a whole, and the raw events of the two hours that do not: of its own hour those before t, and of the hour of
t - w those from t - w on.

    t - w                                         t
      |--|--------|--------| ... |--------|-------|
     edge          w - 1 whole hours        edge      (for 1 hour: none)

What the whole hours give is the same for all labels of a key in one hour, and is rolled over the tiles once for each of those.
"""
import duckdb

HOURS = {"1h": 1, "1d": 24, "7d": 168}

# No column holds nulls, so one count serves the mean as well.
SUMS = "count(e) as n, sum(a) as total, sum(b) as sum_b, min(c) as low, max(d) as high"


def rolled(window):
    frame = f"range between {HOURS[window] - 1} preceding and 1 preceding"
    def over(function, column):
        return f"{function}({column}) over (partition by key order by hour {frame}) as {column}_{window}"
    return [over("sum", "n"), over("sum", "total"), over("sum", "sum_b"), over("min", "low"), over("max", "high")]


def added(window):
    """The columns of the answer: own edge r, far edge f_WINDOW, whole hours w."""
    def parts(column):
        whole = [f"w.{column}_{window}"] if HOURS[window] > 1 else []
        return [f"r.{column}", f"f_{window}.{column}", *whole]
    def total(column):
        return " + ".join(f"coalesce({part}, 0)" for part in parts(column))
    count = total("n")
    return [f"{count} as n_{window}", f"case when {count} > 0 then {total('total')} end as total_{window}",
            f"({total('sum_b')}) / nullif({count}, 0) as mean_{window}",
            f"least({', '.join(parts('low'))}) as low_{window}", f"greatest({', '.join(parts('high'))}) as high_{window}"]


def columns(of, windows):
    return ", ".join(column for window in windows for column in of(window))


hour = "epoch_us(t) // 3600000000 as hour"
far_edges = " ".join(f"left join (from edges where w = {w}) f_{window} on f_{window}.row = l.row" for window, w in HOURS.items())
for statement in [
    f"""create temp table labels as
        select file_row_number as row, key, t, {hour} from read_parquet('labels.parquet', file_row_number = true)""",
    f"create temp view events as select *, {hour} from 'events.parquet'",
    f"""create temp table whole as
        select * from (select key, hour, asked, {columns(rolled, ["1d", "7d"])}
                       from (select key, hour, false as asked, {SUMS} from events group by all
                             union all by name select distinct key, hour, true as asked from labels))
        where asked""",
    f"""create temp table edges as
        select row, w, {SUMS}
        from (select row, key, hour, 0 as w, t as before, null as since from labels
              union all select row, key, hour - w, w, null, t - to_hours(w) from labels, (select unnest({list(HOURS.values())}) as w)) l
        join events e on e.key = l.key and e.hour = l.hour and (e.t < l.before or e.t >= l.since)
        group by all""",
    f"""copy (select l.row, l.key, l.t, {columns(added, HOURS)}
              from labels l left join whole w on w.key = l.key and w.hour = l.hour
              left join (from edges where w = 0) r on r.row = l.row {far_edges} order by l.row)
        to 'out/duckdb_windows.parquet' (format parquet)""",
]:
    duckdb.execute(statement)
