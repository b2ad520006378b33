"""Lists and maps from the events to the ledger: pushed, read over HTTP, used by a request view, logged, verified, in training sets."""
import time
import unittest

import duckdb

import shop

FEATURES = {
    "features/shop_kinds.sql": """
{{ config(entity='shop', event_time='happened_at', windows=['1d', 'all']) }}
select sum_by(amount, order_id % 4) as spent, count_by(order_id % 4) as orders, last(amount, 3) as latest, first(shop, 1) as names
from {{ source('raw', 'orders') }}
""",
    "features/kind.sql": """
{{ config(kind='request', request={'kind': 'bigint', 'wanted': 'varchar[]'}) }}
select coalesce(element_at(shop_kinds.spent_all, kind), 0) as spent, map_contains(shop_kinds.orders_1d, kind) as seen, list_max(shop_kinds.latest_1d) as most,
       shop_kinds.latest_all[-1] as latest, length(wanted) as wishes, list_contains(wanted, 'x') as wants_x, list_sum(one_hot(kind, [0, 1, 2])) as usual
from request
""",
    "models/by_kind.yml": """
name: by_kind
task: binary
labels: {table: kind_questions, time: asked_at, label: good, known_at: known_at}
features: [kind.*]
split: {fractions: [0.6, 0.2, 0.2]}
algorithm: logistic_regression
promote: {alias: champion, when: always}
""",
    "tables/kind_questions.sql": "select *, question_id % 5 as kind, ['x', shop] as wanted from {{ ref('questions') }}",
}


class Nested(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = shop.Project(FEATURES)
        cls.project.run("build")
        cls.project.run("train", "by_kind")
        cls.server = shop.Server(cls.project)

    @classmethod
    def tearDownClass(cls):
        try:
            assert cls.server.stop() == 0
        finally:
            cls.project.remove()

    def test_features_are_arrays_and_objects(self):
        event = {"order_id": 900001, "happened_at": int(time.time() * 1e6) - 3_600_000_000, "shop": "n", "amount": 2.5}
        self.server.post("/v1/events/raw.orders", [event, event | {"order_id": 900003, "amount": None}, event | {"order_id": 900002, "amount": -1}])
        answer = self.server.post("/v1/features", {"features": ["shop_kinds.*", "kind.*"], "entities": {"shop": ["n", "nobody"]},
                                                   "request": {"kind": [1, 7], "wanted": [["a", None], None]}})
        row = dict(zip(answer["names"], answer["rows"][0]))
        self.assertEqual(row["shop_kinds.spent_1d"], {"1": 2.5, "2": -1})
        self.assertEqual(row["shop_kinds.orders_all"], {"1": 1, "2": 1, "3": 1})
        self.assertEqual(row["shop_kinds.latest_1d"], [2.5, None, -1])
        self.assertEqual(row["shop_kinds.names_all"], ["n"])
        self.assertEqual((row["kind.spent"], row["kind.seen"], row["kind.most"], row["kind.latest"]), (2.5, True, 2.5, -1))
        self.assertEqual((row["kind.wishes"], row["kind.wants_x"], row["kind.usual"]), (2, False, 1))
        nobody = dict(zip(answer["names"], answer["rows"][1]))
        self.assertIsNone(nobody["shop_kinds.spent_1d"])
        self.assertEqual((nobody["kind.spent"], nobody["kind.seen"], nobody["kind.wishes"], nobody["kind.usual"]), (0, None, None, 0))

    def test_predictions_are_proven(self):
        rows = [{"shop": "abc"[i % 3], "kind": i % 6, "wanted": ["x"] * (i % 3)} for i in range(30)]
        predictions = self.server.post("/v1/predict/by_kind", {"rows": rows})["predictions"]
        self.assertEqual(len(predictions), 30)
        self.assertEqual(self.project.json("verify", "by_kind")["differences"], 0)
        self.assertIn("kind.spent", self.project.run("explain", predictions[0]["id"]))
        self.project.run("replay", "by_kind", "--from", shop.timestamp(800_000).replace(" ", "T") + "Z")
        report = self.project.json("verify", "by_kind")
        self.assertGreater(report["cells"], 500)
        self.assertEqual(report["differences"], 0)

    def test_parquet_has_lists_and_maps(self):
        out = self.project.root / "kinds.parquet"
        self.project.run("training-set", "--labels", "kind_questions", "--time", "asked_at", "--features", "shop_kinds.*", "--out", str(out))
        types = dict(duckdb.execute(f"select column_name, column_type from (describe from '{out}')").fetchall())
        self.assertEqual(types["shop_kinds.spent_all"], "MAP(BIGINT, DOUBLE)")
        self.assertEqual(types["shop_kinds.latest_1d"], "DOUBLE[]")
        self.assertEqual(types["wanted"], "VARCHAR[]")
        differing = duckdb.execute(f"""
          select count(*) filter (where list_sum(map_values("shop_kinds.orders_all"))
            is distinct from (select nullif(count(*), 0) from '{self.project.root}/data/orders.csv' o
                              where o.shop = s.shop and o.happened_at < s.asked_at and o.received_at <= s.asked_at)), count(*) from '{out}' s""").fetchall()
        self.assertEqual(differing, [(0, 1500)])

    def test_a_model_refuses_what_is_no_single_value(self):
        recipe = self.project.root / "models/by_kind.yml"
        text = recipe.read_text()
        recipe.write_text(text.replace("[kind.*]", "[kind.*, shop_kinds.spent_1d]"))
        try:
            self.assertIn("models/by_kind.yml:5:20: model by_kind: shop_kinds.spent_1d is a MAP(BIGINT, DOUBLE), and a model takes single values",
                          self.project.run("check", status=1))
        finally:
            recipe.write_text(text)


if __name__ == "__main__":
    unittest.main()
