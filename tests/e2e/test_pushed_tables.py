"""Tables that read a stream: what was pushed until the build is in them, exported or not, each event once."""
import json
import time
import unittest

import shop

EVENTS = "/v1/events/raw.orders"
TABLES = {
    "tables/per_shop.sql": "select shop, count(*) as orders, sum(amount) as total from {{ source('raw', 'orders') }} group by shop",
    "tables/big_orders.sql": "select * from {{ source('raw', 'orders') }} where amount > 10",
    "features/big_recent.sql": """
{{ config(entity='shop', event_time='happened_at', windows=['all']) }}
select count(*) as orders, sum(amount) as total from {{ ref('big_orders') }}
""",
    "features/shop_size.sql": """
{{ config(entity='shop', event_time='counted_at') }}
select orders from {{ ref('shop_sizes') }}
""",
    "tables/shop_sizes.sql": "select shop, max(happened_at) as counted_at, count(*) as orders from {{ source('raw', 'orders') }} group by shop",
}
SHOPS = ["a", "b", "c", "new"]


def order(order_id, shop_name="new", amount=20.0):
    return {"order_id": order_id, "happened_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)), "shop": shop_name,
            "amount": amount}


class PushedTables(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project(TABLES)
        self.addCleanup(self.project.remove)
        self.project.run("build")
        self.server = None
        self.serve()

    def serve(self):
        self.server = shop.Server(self.project)
        self.addCleanup(self.server.stop)

    def query(self, sql):
        return json.loads(self.project.run("sql", sql, "--json"))

    def orders_of(self, name):
        """As the table has them after a build."""
        return sum(row["orders"] for row in self.query(f"select orders from per_shop where shop = '{name}'"))

    def features(self, feature):
        rows = self.server.post("/v1/features", {"features": [feature], "entities": {"shop": SHOPS}})["rows"]
        return {name: row[0] for name, row in zip(SHOPS, rows)}

    def offline(self, feature):
        labels = self.project.root / "asked.csv"
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
        labels.write_text("shop,asked_at\n" + "".join(f"{name},{at}\n" for name in SHOPS))
        self.project.run("training-set", "--labels", str(labels), "--time", "asked_at", "--features", feature, "--full", "--out",
                         str(self.project.root / "set.parquet"))
        rows = self.query(f"select shop, \"{feature}\" as value from '{self.project.root / 'set.parquet'}'")
        return {row["shop"]: row["value"] for row in rows}

    def test_a_build_sees_what_was_pushed_exported_or_not(self):
        self.assertEqual(self.orders_of("new"), 0)
        self.server.post(EVENTS, [order(1_000_000 + i) for i in range(5)])
        self.assertEqual(self.orders_of("new"), 0)  # as of the last build
        report = self.project.json("build")
        self.assertEqual([history["pushed"] for history in report["histories"] if history["name"] == "raw.orders"], [5])
        self.assertIn(("raw.orders", 1505), [(table["name"], table["rows"]) for table in report["tables"]])
        self.assertEqual(self.orders_of("new"), 5)
        self.assertEqual(self.features("shop_size.orders")["new"], 5)  # a batch view of a table of the stream

        self.project.run("export")
        self.server.post(EVENTS, [order(1_000_005 + i, "a") for i in range(2)])
        before = self.orders_of("a")
        self.project.run("build")
        self.assertEqual((self.orders_of("new"), self.orders_of("a")), (5, before + 2))
        self.server.stop()
        self.project.run("build")  # without a server
        self.assertEqual((self.orders_of("new"), self.orders_of("a")), (5, before + 2))
        self.project.run("build", "--full-refresh")
        self.assertEqual((self.orders_of("new"), self.orders_of("a")), (5, before + 2))
        self.assertEqual(self.query("select count(*) as n, count(distinct order_id) as ids from raw.orders"), [{"n": 1507, "ids": 1507}])

    def test_live_views_count_each_event_once(self):
        self.server.post(EVENTS, [order(1_000_000 + i) for i in range(5)])
        self.project.run("build")
        self.assertEqual(self.query("select count(*) as n from big_orders where shop = 'new'"), [{"n": 5}])
        self.assertEqual(self.features("big_recent.orders_all")["new"], 5)
        self.assertEqual(self.offline("big_recent.orders_all")["new"], 5)

    def test_a_failing_test_leaves_the_tables_of_the_last_release(self):
        (self.project.root / "tables/more.yml").write_text(
            "models:\n  - name: per_shop\n    columns:\n      - {name: shop, tests: [{accepted_values: {values: [a, b, c]}}]}\n")
        self.project.run("build")
        self.server.post(EVENTS, order(1_000_000))
        self.project.run("build", status=1)
        self.assertEqual(self.query("select count(*) as n from raw.orders"), [{"n": 1500}])
        (self.project.root / "tables/more.yml").unlink()
        self.project.run("build")
        self.assertEqual(self.query("select count(*) as n from raw.orders"), [{"n": 1501}])

    def test_a_column_that_was_declared_later_is_null_before(self):
        self.server.post(EVENTS, order(1_000_000))
        self.server.stop()
        sources = self.project.root / "tables/sources.yml"
        sources.write_text(sources.read_text().replace("          - {name: amount, data_type: double}\n",
                                                       "          - {name: amount, data_type: double}\n          - {name: note, data_type: varchar}\n"))
        backfill = self.project.root / "tables/orders_backfill.sql"
        backfill.write_text(backfill.read_text().replace("shop, amount from", "shop, amount, 'old' as note from"))
        view = self.project.root / "features/shop_recent.sql"
        view.write_text(view.read_text().replace("count(*) as orders,", "count(*) as orders, count(note) as notes,"))
        self.project.run("build", "--full-refresh")
        self.serve()
        self.server.post(EVENTS, order(1_000_001) | {"note": "x"})
        self.assertEqual(self.features("shop_recent.notes_all")["new"], 1)
        self.assertEqual(self.offline("shop_recent.notes_all")["new"], 1)
        self.project.run("build")
        self.assertEqual(self.query("select count(note) as notes, count(*) as n from raw.orders where shop = 'new'"), [{"notes": 1, "n": 2}])

    def test_a_column_whose_type_changed_is_named(self):
        self.server.post(EVENTS, order(1_000_000))
        self.server.stop()
        sources = self.project.root / "tables/sources.yml"
        sources.write_text(sources.read_text().replace("{name: amount, data_type: double}", "{name: amount, data_type: varchar}"))
        (self.project.root / "features/shop_recent.sql").unlink()
        for name in ("offer.sql", "big_recent.sql"):
            (self.project.root / "features" / name).unlink()
        (self.project.root / "models/good_order.yml").unlink()
        (self.project.root / "tables/per_shop.sql").unlink()
        (self.project.root / "tables/big_orders.sql").unlink()
        said = self.project.run("build", "--full-refresh", status=1)
        self.assertIn("tables/sources.yml", said)
        self.assertIn("column 'amount' of rows that were pushed is DOUBLE, and is declared as VARCHAR now", said)

    def test_a_history_that_has_pushed_ids_goes_first(self):
        """Rule 8: between history and pushes each id counts once, also when the history came later."""
        self.server.post(EVENTS, [order(1_000_000 + i) for i in range(5)])
        self.project.run("export")
        self.server.post(EVENTS, [order(1_000_005 + i) for i in range(5)])
        with (self.project.root / "data/orders.csv").open("a") as file:
            for order_id in (1_000_001, 1_000_006):
                file.write(f"{order_id},{shop.timestamp(0)},{shop.timestamp(0)},new,100\n")
        self.project.run("build", "--full-refresh")
        self.assertEqual(self.query("select count(*) as n, sum(amount) as total from raw.orders where shop = 'new'"), [{"n": 10, "total": 360.0}])
        for _ in range(2):
            self.assertEqual(self.features("shop_recent.orders_all")["new"], 10)
            self.assertEqual(self.features("shop_recent.total_all")["new"], 360.0)
            self.assertEqual(self.offline("shop_recent.total_all")["new"], 360.0)
            self.server.stop()
            self.assertEqual(self.offline("shop_recent.total_all")["new"], 360.0)
            self.serve()
        self.server.post(EVENTS, [order(1_000_001), order(1_000_010)])  # one is a duplicate
        self.project.run("build")
        self.assertEqual(self.query("select count(*) as n, sum(amount) as total from raw.orders where shop = 'new'"), [{"n": 11, "total": 380.0}])
        self.assertEqual(self.features("shop_recent.total_all")["new"], 380.0)
        self.assertEqual(self.offline("shop_recent.total_all")["new"], 380.0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
