"""Polars: join_asof, which wants both sides in the order of time."""
import polars as pl

events = pl.read_parquet("events.parquet").sort("t")
labels = pl.read_parquet("labels.parquet").with_row_index("row").sort("t")
# That each key's rows are sorted it cannot check, and warns of; they are, as all are.
joined = labels.join_asof(events, on="t", by="key", strategy="backward", check_sortedness=False)
joined.sort("row").write_parquet("out/polars_latest.parquet")
