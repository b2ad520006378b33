"""From files to proven predictions, and every promise on the way that a user would try."""
import json
import threading
import unittest

import duckdb
import shop


class MainJob(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = shop.Project()
        cls.project.run("check")
        cls.built = cls.project.json("build")
        cls.trained = cls.project.json("train", "good_order")

    @classmethod
    def tearDownClass(cls):
        cls.project.remove()

    def test_build_publishes_tables_tests_and_histories(self):
        self.assertTrue(self.built["published"])
        self.assertTrue(all(test["passed"] for test in self.built["tests"]))
        histories = {history["name"]: history["rows"] for history in self.built["histories"]}
        self.assertEqual(histories["raw.orders"], 1500)
        self.assertEqual(histories["view:city_weather"], 80)

    def test_training_set_equals_duckdb(self):
        """The windows, visibility and latest value of semantics.md, said again in another engine's SQL."""
        out = self.project.root / "set.parquet"
        self.project.run("training-set", "good_order", "--out", str(out))
        rows = duckdb.execute(f"""
            with labels as (select row_number() over () as n, * from '{out}'),
            events as (select * from read_csv('{self.project.root}/data/orders.csv'))
            select count(*) from (
              select l.n, any_value(l."shop_recent.orders_1d") as ours, any_value(l."shop_recent.high_1d") as ours_high,
                     count(e.order_id) as theirs, max(e.amount) as theirs_high
              from labels l left join events e on e.shop = l.shop and e.received_at <= l.asked_at and e.happened_at < l.asked_at
                and e.happened_at >= l.asked_at - interval 1 day
              group by l.n) where ours is distinct from theirs or ours_high is distinct from theirs_high""")
        self.assertEqual(rows.fetchone()[0], 0)

    def test_training_set_within_little_memory_is_the_same(self):
        usual = self.project.json("training-set", "good_order", "--full", "--out", str(self.project.root / "usual.parquet"))
        little = self.project.json("training-set", "good_order", "--full", "--memory", "1MB", "--out", str(self.project.root / "little.parquet"))
        self.assertEqual(little, usual)
        self.assertEqual(list((self.project.root / ".headrace/tmp").iterdir()), [])

    def test_training_set_can_be_rebuilt_to_the_same_hash(self):
        self.assertTrue(self.project.json("models", "rebuild", "good_order")["same"])

    def test_replay_is_proven_and_a_changed_bit_is_found(self):
        replay = self.project.json("replay", "good_order", "--from", "2023-11-20")
        self.assertGreater(replay["predictions"], 300)
        self.assertGreater(replay["late_events"], 10)
        self.assertEqual(replay["duplicates"], 0)
        proof = self.project.json("verify")
        self.assertEqual(proof["differences"], 0)
        self.assertEqual(proof["cells"], proof["rows"] * 22)
        self.assertEqual(self.project.json("verify", "--naive")["differences"], 0)
        with duckdb.connect(str(self.project.root / ".headrace/warehouse.duckdb")) as warehouse:
            key = warehouse.execute("select id from ledger.good_order where \"shop_recent.total_1d\" > 0 limit 1").fetchone()[0]
            change = 'update ledger.good_order set "shop_recent.total_1d" = "shop_recent.total_1d" {} 1e-9 where id = ?'
            warehouse.execute(change.format("+"), [key])
        found = self.project.json("verify", "good_order", status=1)
        self.assertEqual(found["differences"], 1)
        self.assertEqual(found["examples"][0]["id"], key)
        self.assertEqual([feature["feature"] for feature in found["features"] if feature["differences"]], ["shop_recent.total_1d"])
        self.assertEqual(sum(feature["cells"] for feature in found["features"]), found["cells"])
        with duckdb.connect(str(self.project.root / ".headrace/warehouse.duckdb")) as warehouse:
            warehouse.execute("delete from ledger.good_order where id = ?", [key])
        other = json.loads(self.project.run("sql", "select id from ledger.good_order limit 1", "--format", "json"))[0]["id"]
        explained = self.project.json("explain", other)
        self.assertTrue(all(feature["recomputed_equal"] for feature in explained["features"]))
        self.assertGreater(explained["views"][0]["windows"][-1]["rows"] + explained["views"][1]["windows"][-1]["rows"], 0)

    def test_a_failing_test_leaves_the_last_release(self):
        bad = self.project.root / "tests/assert_never.sql"
        bad.parent.mkdir(exist_ok=True)
        bad.write_text("select 1 as x from {{ ref('orders_backfill') }} limit 3\n")
        try:
            self.assertFalse(self.project.json("build", status=1)["published"])
            self.assertIn("1500", self.project.run("sql", "select count(*) from orders_backfill", "--format", "csv"))
        finally:
            bad.unlink()

    def test_check_reports_every_error_at_its_place(self):
        path = self.project.root / "features/broken.sql"
        path.write_text("{{ config(entity='shop', event_time='happened_at', windows=['1h']) }}\nselect sum(amuont) as a,\n"
                        "  medain(amount) as b\nfrom {{ source('raw', 'orders') }}\n")
        try:
            text = self.project.run("check", status=1)
            self.assertIn("features/broken.sql:2:12: column 'amuont' does not exist", text)
            self.assertIn("did you mean 'amount'?", text)
            self.assertIn("features/broken.sql:3:3:", text)
        finally:
            path.unlink()


class Serving(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = shop.Project()
        cls.project.run("build")
        cls.project.run("train", "good_order")
        cls.project.run("train", "good_order")
        cls.server = shop.Server(cls.project)

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        cls.project.remove()
        assert status == 0, f"serve ended with {status}"

    def features(self, names, shop_name, **more):
        body = {"features": names, "entities": {"shop": [shop_name]}, **more}
        return self.server.post("/v1/features", body)

    def test_events_are_seen_at_once_and_once(self):
        order = {"order_id": 900_001, "happened_at": "2023-12-01T00:00:00Z", "shop": "new", "amount": 12.5}
        self.assertEqual(self.server.post("/v1/events/raw.orders", order), {"accepted": 1, "duplicates": 0})
        self.assertEqual(self.server.post("/v1/events/raw.orders", [order]), {"accepted": 0, "duplicates": 1})
        answer = self.features(["shop_recent.orders_all", "shop_recent.total_all"], "new")
        self.assertEqual(answer["rows"], [[1, 12.5]])

    def test_bad_requests_are_named(self):
        post = self.server.post
        error = post("/v1/events/raw.orders", [{"order_id": 1}, {"order_id": "x"}], status=400)["error"]
        self.assertIn("row 0, column 'happened_at'", error["message"])
        self.assertIn("did you mean", post("/v1/features", {"features": ["shop_recnt.*"], "entities": {}}, status=400)["error"]["message"])
        self.assertIn("'shop' is missing", post("/v1/features", {"features": ["shop_recent.*"], "entities": {}}, status=400)["error"]["message"])
        self.assertEqual(post("/v1/events/raw.nothing", {}, status=404)["error"]["code"], "not_found")
        self.assertIn("row 0", post("/v1/predict/good_order", {"rows": [{"shop": "a"}]}, status=400)["error"]["message"])
        self.assertEqual(post("/v1/predict/other", {"rows": []}, status=404)["error"]["code"], "not_found")
        self.assertEqual(self.features(["shop_recent.orders_1h"], "a")["rows"], [[0]])
        self.assertEqual(self.server.request("GET", "/v1/features")[0], 405)

    def test_predictions_are_logged_labelled_and_verified(self):
        row = {"shop": "a", "city": "x", "offered": 9.5}
        answer = self.server.post("/v1/predict/good_order", {"rows": [row, row]})
        ids = [prediction["id"] for prediction in answer["predictions"]]
        self.assertEqual(answer["predictions"][0]["value"], answer["predictions"][1]["value"])
        labels = [{"id": ids[0], "label": 1}, {"id": "nobody", "label": 0}]
        self.assertEqual(self.server.post("/v1/labels/good_order", labels), {"joined": 1, "unknown": 1})
        future = self.server.post("/v1/predict/good_order", {"rows": [row], "at": "2100-01-01T00:00:00Z"})
        self.assertEqual(len(future["predictions"]), 1)
        proof = self.project.json("verify")  # handed over to the server: no lock error
        self.assertEqual(proof["differences"], 0)
        self.assertGreater(proof["cells"], 0)
        self.assertEqual(proof["rows_about_the_future"], 1)
        text = self.project.run("sql", f"select label from ledger.good_order where id = '{ids[0]}'", "--format", "csv")
        self.assertIn("1", text.splitlines()[1])

    def test_commands_go_through_the_server(self):
        self.assertIn("1500", self.project.run("sql", "select count(*) from orders_backfill", "--format", "csv"))
        self.assertTrue(self.project.json("build")["published"])
        self.assertEqual(self.features(["shop_recent.orders_all"], "nobody")["rows"], [[0]])

    def test_an_alias_switches_without_dropping_a_request(self):
        failures, versions, stop = [], set(), threading.Event()

        def ask():
            connection = self.server.connect()
            while not stop.is_set():
                status, answer = self.server.request("POST", "/v1/predict/good_order", {"rows": [{"shop": "a", "city": "x", "offered": 1.0}]}, connection)
                versions.add(answer.get("model_version")) if status == 200 else failures.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for version in ["1", "2", "1", "2"]:
            self.project.run("models", "alias", "good_order", "champion", version)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(versions, {1, 2})

    def test_health_and_metrics(self):
        self.assertEqual(self.server.request("GET", "/healthz")[0], 200)
        self.assertEqual(self.server.request("GET", "/readyz")[0], 200)
        status, text = self.server.request("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("headrace_events_accepted_total", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
