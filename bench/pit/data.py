"""The events, the labels, and the project that Headrace reads them through.

A data set is a folder of build/bench/pit: events.parquet, labels.parquet, and a project whose source is that file. The files
are kept between runs, for as long as their sizes stay the same; the project and its state are made anew.
"""
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess

import measure

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BENCH = ROOT / "build/bench"
HEADRACE = pathlib.Path(os.environ.get("HEADRACE", ROOT / "build/bin/headrace")).resolve()
DUCKDB = str(ROOT / "build/deps/python")
PYTHON = "/usr/bin/python3"

KEYS = 10_000
SKEWED = f"floor({KEYS} * pow(random(), 3))"  # a twentieth of the rows is the first key's
EVEN = f"floor({KEYS} * random())"
ONE = "0"

# Events come in the order of time, as logs do; labels in none.
DATA = """
select setseed(0.42);
copy (select cast({key} as bigint) as key,
             timestamp '2024-01-01' + to_microseconds(cast(i * (90 * 86400000000 / {events}) as bigint)) as t,
             random() * 100 - 50 as a, random() * 100 as b, random() - 0.5 as c, exp(random() * 10) as d, random() as e
      from range({events}) r(i)) to 'events.parquet' (format parquet);
copy (select cast({key} as bigint) as key,
             timestamp '2024-01-08' + to_microseconds(cast(random() * 83 * 86400000000 as bigint)) as t
      from range({labels})) to 'labels.parquet' (format parquet);
"""

SOURCES = """
sources:
  - name: bench
    tables:
      - name: events
        location: events.parquet
        stream: {event_time: t}
        columns: [{name: key, data_type: bigint}, {name: t, data_type: timestamp},
                  {name: a, data_type: double}, {name: b, data_type: double}, {name: c, data_type: double},
                  {name: d, data_type: double}, {name: e, data_type: double}]
"""


@dataclasses.dataclass(frozen=True)
class DataSet:
    name: str
    events: int
    key: str = SKEWED  # the SQL of a row's key

    @property
    def labels(self):
        return max(1, self.events // 10)

    @property
    def folder(self):
        return BENCH / "pit" / self.name


def windowed_view(windows, columns):
    """Count, sum, avg, min and max, each of a column of its own."""
    n, total, mean, low, high = columns
    return f"""{{{{ config(entity='key', event_time='t', windows={windows}) }}}}
select count({n}) as n, sum({total}) as total, avg({mean}) as mean, min({low}) as low, max({high}) as high
from {{{{ source('bench', 'events') }}}}
"""


LATEST_VIEW = """{{ config(entity='key', event_time='t') }}
select a, b, c, d, e from {{ source('bench', 'events') }}
"""


def many_views():
    """20 views of 25 features, all different: each of the five aggregates over each column, in four lists of windows."""
    columns = "eabcd"
    lists = [["1h", "6h", "1d", "3d", "7d"], ["2h", "8h", "30h", "4d", "6d"],
             ["3h", "10h", "36h", "90h", "5d"], ["4h", "12h", "2d", "100h", "130h"]]
    return {f"many_{i}_{turn}": windowed_view(windows, columns[turn:] + columns[:turn])
            for i, windows in enumerate(lists) for turn in range(len(columns))}


VIEWS = {"recent": windowed_view(["1h", "1d", "7d"], "eabcd"), "last": LATEST_VIEW} | many_views()


def duckdb(statement, folder):
    """What DuckDB prints of the last row, in a process of its own: its memory is none of ours."""
    code = f"import duckdb\nrows = duckdb.execute({statement!r}).fetchall()\nprint(*(rows[0] if rows else []))"
    return subprocess.run([PYTHON, "-c", code], check=True, cwd=folder, stdout=subprocess.PIPE, text=True,
                          env=os.environ | {"PYTHONPATH": DUCKDB}).stdout


def write_files(data):
    made = f"{data.events} {data.labels} {data.key} {DATA}"
    stamp = data.folder / "made"
    if stamp.exists() and stamp.read_text() == made:
        return
    shutil.rmtree(data.folder, ignore_errors=True)
    data.folder.mkdir(parents=True)
    duckdb(DATA.format(events=data.events, labels=data.labels, key=data.key), data.folder)
    stamp.write_text(made)


@functools.cache
def prepare(data):
    """Makes the files where they are missing, and the project; builds it. Once a run."""
    write_files(data)
    print(f"  {data.name}: {data.events:,} events, {data.labels:,} labels", flush=True)
    for folder in ["features", "tables", ".headrace", "out"]:
        shutil.rmtree(data.folder / folder, ignore_errors=True)
    for folder in ["features", "tables", "out"]:
        (data.folder / folder).mkdir()
    (data.folder / "headrace.yml").write_text("name: pit\n")
    (data.folder / "tables/sources.yml").write_text(SOURCES)
    for name, sql in VIEWS.items():
        (data.folder / f"features/{name}.sql").write_text(sql)
    measure.run("headrace build (once)", [str(HEADRACE), "build"], data.folder)


@functools.cache
def training_set(data, views, options=()):
    """What Headrace's training set of all features of some views costs. Once a run, however many scenarios compare with it.

    In full: a set that is there would be extended, which is not what the peers do."""
    prepare(data)
    features = ",".join(f"{view}.*" for view in views)
    command = [str(HEADRACE), "training-set", "--labels", "labels.parquet", "--time", "t", "--features", features,
               "--out", f"out/{views[0]}.parquet", "--full", *options]
    return measure.run(f"headrace training-set, {data.name}", command, data.folder)


def compare(data, view, peer, columns):
    """Notes a failure where the peer's answer is another than ours. `columns`: pairs of ours and theirs.

    A peer leaves its answer in out/PEER.parquet with each label's place as `row`; it may leave out a label without any event, as
    Feast does. Null is as good as 0, for that is what Polars says of no events. Sums of doubles differ by the order of adding.
    """
    def apart(a, b):
        return f'abs(coalesce(o."{a}", 0) - coalesce(t."{b}", 0)) > 1e-6 * (1 + abs(coalesce(o."{a}", 0)))'
    differs = " or ".join(apart(a, b) for a, b in columns)
    answer = duckdb(f"""select count(*), count(*) filter ({differs})
                        from read_parquet('out/{view}.parquet', file_row_number = true) o
                        left join read_parquet('out/{peer}.parquet') t on o.file_row_number = t.row""", data.folder)
    rows, differ = map(int, answer.split())
    if differ or rows != data.labels:
        measure.fail(f"{peer}: the same answers", f"{differ:,} of {rows:,} rows differ")
