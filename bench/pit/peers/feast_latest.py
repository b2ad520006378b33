"""Feast: get_historical_features with one of its offline stores.

Usage: feast_latest.py apply|get file|duckdb     (apply registers the definitions; get is what is measured)
"""
import datetime
import sys

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
from feast.value_type import ValueType

COLUMNS = ["a", "b", "c", "d", "e"]


def apply(store):
    key = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    view = FeatureView(name="last", entities=[key], ttl=datetime.timedelta(0), schema=[Field(name=c, dtype=Float64) for c in COLUMNS],
                       source=FileSource(path="events.parquet", timestamp_field="t"), online=False)
    store.apply([key, view])


def get(store, kind):
    labels = pd.read_parquet("labels.parquet").rename(columns={"t": "event_timestamp"})
    labels["row"] = range(len(labels))
    job = store.get_historical_features(entity_df=labels, features=[f"last:{c}" for c in COLUMNS])
    job.to_df().to_parquet(f"out/feast_{kind}.parquet")


verb, kind = sys.argv[1:]
feast = FeatureStore(config=RepoConfig(project="pit", provider="local", registry=f"out/feast_{kind}.db", offline_store={"type": kind},
                                       online_store={"type": "sqlite", "path": f"out/feast_{kind}_online.db"},
                                       entity_key_serialization_version=3))
apply(feast) if verb == "apply" else get(feast, kind)
