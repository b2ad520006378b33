#!/usr/bin/python3
"""The point-in-time join beside Polars and DuckDB, on the same Parquet files, in CPU seconds of whole processes.

Usage: ./dev bench pit, or bench/pit.py [EVENTS [LABELS]]   (default: 20,000,000 events and 2,000,000 labels)

Windows of 1 hour, 1 day and 7 days; count, sum, avg, min, max, each over a column of its own; 10,000 keys, skewed; 90 days.
And the latest value of the same, where DuckDB's ASOF JOIN is the peer. Headrace reads the events from its warehouse, where
`headrace build` has put them (timed apart), the peers from Parquet. Each answer is checked against the others'.
"""
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/bench/pit"
HEADRACE = ROOT / "build/bin/headrace"
PEERS = f"{ROOT}/build/bench/python:{ROOT}/build/deps/python"
REPEATS = int(os.environ.get("REPEATS", "1"))

VIEWS = {
    "recent": """{{ config(entity='key', event_time='t', windows=['1h', '1d', '7d']) }}
select count(*) as n, sum(a) as total, avg(b) as mean, min(c) as low, max(d) as high from {{ source('bench', 'events') }}
""",
    "last": """{{ config(entity='key', event_time='t') }}
select a, b, c, d, e from {{ source('bench', 'events') }}
""",
}

DUCKDB_DATA = """
select setseed(0.42);
copy (select cast(floor(10000 * pow(random(), 3)) as bigint) as key,
             timestamp '2024-01-01' + to_microseconds(cast(i * (90 * 86400000000 / {events}) as bigint)) as t,
             random() * 100 - 50 as a, random() * 100 as b, random() - 0.5 as c, exp(random() * 10) as d, random() as e
      from range({events}) r(i)) to '{folder}/events.parquet' (format parquet);
copy (select cast(floor(10000 * pow(random(), 3)) as bigint) as key,
             timestamp '2024-01-08' + to_microseconds(cast(random() * 83 * 86400000000 as bigint)) as t
      from range({labels})) to '{folder}/labels.parquet' (format parquet);
"""

POLARS_WINDOWS = """
import polars as pl
events = pl.read_parquet("events.parquet")
labels = pl.read_parquet("labels.parquet").with_row_index("row")
both = pl.concat([events.with_columns(row=pl.lit(None, dtype=pl.UInt32)), labels], how="diagonal").sort("t", maintain_order=True)
out = labels
for window in ["1h", "1d", "7d"]:
    rolled = both.rolling("t", period=window, group_by="key", closed="left").agg(
        pl.col("row").last().alias("unused"), pl.col("a").count().alias("n_" + window), pl.col("a").sum().alias("total_" + window),
        pl.col("b").mean().alias("mean_" + window), pl.col("c").min().alias("low_" + window), pl.col("d").max().alias("high_" + window))
    rolled = rolled.with_columns(row=both.sort("key", maintain_order=True)["row"]) if rolled["key"].is_sorted() else rolled.with_columns(
        row=both.group_by("key", maintain_order=True).agg("row").explode("row")["row"])
    out = out.join(rolled.filter(pl.col("row").is_not_null()).drop("key", "t", "unused"), on="row", how="left")
out.write_parquet("polars.parquet")
"""

DUCKDB_LATEST = """
import duckdb
duckdb.execute("set threads = 2")
duckdb.execute('''copy (select l.key, l.t, e.a, e.b, e.c, e.d, e.e from 'labels.parquet' l asof left join 'events.parquet' e
                        on l.key = e.key and l.t >= e.t) to 'asof.parquet' (format parquet)''')
"""


def measured(command, name):
    """CPU seconds, wall seconds and peak memory in MB of a command; the medians' run of REPEATS."""
    runs = []
    for _ in range(REPEATS):
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": PEERS})
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            print(f"{name}: failed: {error.decode()[-300:]}")
            return None
        runs.append((usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024))
    cpu, wall, memory = sorted(runs)[len(runs) // 2]
    print(f"{name:42} {cpu:8.2f} CPU s {wall:8.2f} s {memory:8.0f} MB", flush=True)
    return cpu


def python(code):
    return ["/usr/bin/python3", "-c", code]


def prepare(events, labels):
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "features").mkdir(parents=True)
    (FOLDER / "tables").mkdir()
    data = DUCKDB_DATA.format(events=events, labels=labels, folder=FOLDER)
    subprocess.run(python(f"import duckdb\nduckdb.execute({data!r})"), check=True, env=os.environ | {"PYTHONPATH": PEERS})
    (FOLDER / "headrace.yml").write_text("name: pit\n")
    (FOLDER / "tables/sources.yml").write_text("""
sources:
  - name: bench
    tables:
      - name: events
        location: events.parquet
        stream: {event_time: t}
        columns: [{name: key, data_type: bigint}, {name: t, data_type: timestamp}, {name: a, data_type: double}, {name: b, data_type: double},
                  {name: c, data_type: double}, {name: d, data_type: double}, {name: e, data_type: double}]
""")
    for name, sql in VIEWS.items():
        (FOLDER / f"features/{name}.sql").write_text(sql)


def training_set(view):
    return [str(HEADRACE), "-C", str(FOLDER), "training-set", "--labels", "labels.parquet", "--time", "t", "--features", f"{view}.*",
            "--out", str(FOLDER / f"{view}.parquet")]


def differing(ours, theirs, columns):
    """Rows of two Parquet files, in the same order, that differ by more than summing doubles in another order may."""
    apart = " or ".join(f"abs(coalesce(o.\"{a}\", 0) - coalesce(t.\"{b}\", 0)) > 1e-6 * (1 + abs(coalesce(o.\"{a}\", 0)))" for a, b in columns)
    query = f"select count(*) from '{ours}' o positional join '{theirs}' t where {apart}"
    code = f"import duckdb\nprint(duckdb.execute({query!r}).fetchone()[0])"
    return subprocess.run(python(code), check=True, cwd=FOLDER, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": PEERS}).stdout.strip()


def ratio(peer, ours, name):
    if peer and ours:
        print(f"{name:42} {peer / ours:8.2f} times")


def main():
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000
    labels = int(sys.argv[2]) if len(sys.argv) > 2 else events // 10
    prepare(events, labels)
    print(f"{events:,} events, {labels:,} labels")
    measured([str(HEADRACE), "-C", str(FOLDER), "build"], "headrace build (once)")
    read = measured(python("import duckdb\nduckdb.execute(\"select sum(a), sum(b), sum(c), sum(d), sum(e), max(key), max(t) from 'events.parquet'\")"),
                    "DuckDB only reads the events")
    ours = measured(training_set("recent"), "headrace training-set, 15 features")
    polars = measured(python(POLARS_WINDOWS), "Polars rolling(group_by=...), per window")
    ratio(polars, ours, "Polars / Headrace")
    ratio(ours, read, "Headrace / only reading")
    if polars:
        windows = ["1h", "1d", "7d"]
        print("rows that differ:", differing("recent.parquet", "polars.parquet",
                                            [(f"recent.{f}_{w}", f"{f}_{w}") for w in windows for f in ["n", "total", "mean", "low", "high"]]))
    latest = measured(training_set("last"), "headrace training-set, latest value")
    asof = measured(python(DUCKDB_LATEST), "DuckDB ASOF JOIN")
    ratio(asof, latest, "DuckDB / Headrace")


if __name__ == "__main__":
    main()
