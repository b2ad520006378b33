"""What is measured, against whom, and the bar that each ratio is held to."""
import os

import data
import measure
import peer

EVENTS = int(os.environ.get("EVENTS", "20_000_000"))

SKEWED = data.DataSet("skewed", EVENTS)
# The keys are even here, since Feast's file store joins every label with every event of its key before it looks at the time:
# with a key as frequent as the first of the others it would need 100 GB.
SMALL = data.DataSet("even", EVENTS // 10, data.EVEN)
ONE_KEY = data.DataSet("one_key", EVENTS, data.ONE)
LARGE = data.DataSet("large", EVENTS * 10)

FEATURES = [f"{feature}_{window}" for window in ["1h", "1d", "7d"] for feature in ["n", "total", "mean", "low", "high"]]
WINDOWS = [(f"recent.{feature}", feature) for feature in FEATURES]
LATEST = [(f"last.{column}", column) for column in "abcde"]
MANY = tuple(name for name in data.VIEWS if name.startswith("many_"))


def windows():
    ours = data.training_set(SKEWED, ("recent",))
    polars = peer.run("Polars rolling(group_by=...)", "polars_windows", SKEWED, peer.packages("polars"))
    duckdb = peer.run("DuckDB hour tiles with raw edges", "duckdb_windows", SKEWED, data.DUCKDB)
    measure.times_cheaper("Polars", polars, ours, bar=8, aim=10)
    measure.times_cheaper("DuckDB", duckdb, ours, bar=17)
    if ours:
        measure.at_most("peak memory", ours.peak_mb / 1024, 1.5, "GB")
    for cost, name in [(polars, "polars_windows"), (duckdb, "duckdb_windows")]:
        if ours and cost:
            data.compare(SKEWED, "recent", name, WINDOWS)


def latest():
    ours = data.training_set(SKEWED, ("last",))
    duckdb = peer.run("DuckDB ASOF JOIN", "duckdb_latest", SKEWED, data.DUCKDB)
    polars = peer.run("Polars join_asof", "polars_latest", SKEWED, peer.packages("polars"))
    measure.times_cheaper("DuckDB", duckdb, ours, bar=2)
    measure.times_cheaper("Polars", polars, ours, bar=1)
    for cost, name in [(duckdb, "duckdb_latest"), (polars, "polars_latest")]:
        if ours and cost:
            data.compare(SKEWED, "last", name, LATEST)


def feast():
    ours = data.training_set(SMALL, ("last",))
    packages = peer.packages("feast")
    for kind, bar, aim in [("file", 50, 100), ("duckdb", 20, None)]:
        if not peer.run(f"Feast apply, {kind} store (once)", "feast_latest", SMALL, packages, "apply", kind):
            continue
        cost = peer.run(f"Feast get_historical_features, {kind} store", "feast_latest", SMALL, packages, "get", kind)
        measure.times_cheaper(f"Feast, {kind} store", cost, ours, bar, aim)
        if ours and cost:
            data.compare(SMALL, "last", f"feast_{kind}", LATEST)


def rate_beside_windows(dataset, options, bar):
    """Events a second of wall time, in percent of those of `windows`."""
    usual = data.training_set(SKEWED, ("recent",))
    ours = data.training_set(dataset, ("recent",), options)
    if usual and ours:
        rate = 100 * (dataset.events / ours.wall_s) / (SKEWED.events / usual.wall_s)
        measure.at_least(f"{dataset.events / ours.wall_s:,.0f} rows/s, of those of windows", rate, bar, unit="%")
    return ours


def hotkey():
    rate_beside_windows(ONE_KEY, (), bar=50)


def many():
    features = 500
    few = data.training_set(SKEWED, ("recent",))
    ours = data.training_set(SKEWED, MANY)
    if few and ours:
        measure.at_most("a feature's cost, of one of windows", (ours.cpu_s / features) / (few.cpu_s / len(WINDOWS)), 1, "times")


def large():
    ours = rate_beside_windows(LARGE, ("--memory", "4GB"), bar=70)
    if ours:
        measure.at_most("peak memory", ours.peak_mb / 1024, 4, "GB")


ALL = {"windows": windows, "latest": latest, "feast": feast, "hotkey": hotkey, "many": many, "large": large}
DEFAULT = [name for name in ALL if name != "large"]
