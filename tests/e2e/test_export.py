"""The log of pushed events, exported to Parquet and truncated: every reader says what it said before."""
import contextlib
import json
import shutil
import threading
import time
import unittest

import duckdb
import shop
from test_backup import Copy
from test_damage import flip

EVENTS = "/v1/events/raw.orders"
QUARANTINE = EVENTS + "?on_error=quarantine"
FEATURES = "shop_recent.*,shop_last.*"
ON_REQUEST = {"features": ["shop_recent.orders_all", "shop_recent.total_all", "shop_recent.mean_1h", "shop_last.order_id"],
              "entities": {"shop": ["a", "b", "p", "q"]}}


def instant(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Export(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.project.run("build")
        self.project.run("train", "good_order")
        rows = [f"{name},{instant(seconds)}" for seconds in range(3600, 7200, 600) for name in "abpq"]
        self.labels = self.project.root / "asked.csv"
        self.labels.write_text("\n".join(["shop,asked_at"] + rows) + "\n")
        self.next_order = 1_000_000
        self.server = shop.Server(self.project)
        self.addCleanup(lambda: self.server.stop())

    def push(self, requests):
        for _ in range(requests):
            orders = [{"order_id": self.next_order + i, "happened_at": instant(-60), "shop": "apq"[(self.next_order + i) % 3],
                       "amount": 0.1 * i} for i in range(5)]
            self.next_order += 5
            self.assertEqual(self.server.post(EVENTS, orders), {"accepted": 5, "duplicates": 0})

    def make_set(self, name="set", *options):
        out = self.project.root / f"{name}.parquet"
        made = self.project.json("training-set", "--labels", str(self.labels), "--time", "asked_at", "--features", FEATURES,
                                 "--out", str(out), *options)
        manifest = json.loads((self.project.root / f"{name}.parquet.manifest.json").read_text())
        return made, manifest

    def held(self):
        return json.loads(self.project.run("sql", "select id, row_text, reason from quarantine.events order by id", "--json"))

    def said(self):
        """What every reader of the log says now."""
        made, manifest = self.make_set("full", "--full")
        proof = self.project.json("verify")
        self.assertEqual(proof["differences"], 0)
        explained = [{key: self.project.json("explain", prediction)[key] for key in ("features", "views")} for prediction in self.predictions]
        return {"set": made["content_hash"], "log": manifest["log_hash"], "position": manifest["log_position"],
                "events": manifest["events_read"], "proven": proof["rows"], "explained": explained, "held": self.held()}

    def predict(self):
        answer = self.server.post("/v1/predict/good_order", {"rows": [{"shop": name, "city": "x", "offered": 3.0} for name in "apq"]})
        return [prediction["id"] for prediction in answer["predictions"]]

    def log_begins(self):
        return self.project.json("export")["log_begins_after"]

    def test_every_reader_says_the_same_before_and_after(self):
        self.push(20)
        self.server.post(QUARANTINE, '[{"order_id": "x"}, {"order_id": 1, "happened_at": "never"}]')
        self.predictions = self.predict()
        before = self.said()
        on_request = self.server.post("/v1/features", ON_REQUEST)["rows"]
        exported = self.project.json("export")
        self.assertEqual((exported["first"], exported["last"], exported["log_begins_after"]), (1, 21, 21))
        self.assertEqual(self.said(), before)
        self.assertEqual(self.server.post("/v1/features", ON_REQUEST)["rows"], on_request)
        self.assertEqual(self.project.json("export")["segments"], 0)  # nothing twice

        for restart in ("kill", "stop"):
            getattr(self.server, restart)()
            self.assertEqual(self.said(), before)
            self.server = shop.Server(self.project)
            self.assertEqual(self.said(), before)
            self.assertEqual(self.server.post("/v1/features", ON_REQUEST)["rows"], on_request)
            again = [{"order_id": 1_000_000 + i, "happened_at": instant(-60), "shop": "a", "amount": 1.0} for i in range(100)]
            self.assertEqual(self.server.post(EVENTS, again), {"accepted": 0, "duplicates": 100})
            self.assertEqual(self.server.post(EVENTS, {"order_id": 7, "happened_at": instant(0), "shop": "a", "amount": 1.0}),
                             {"accepted": 0, "duplicates": 1})  # of history

        self.push(3)
        more = self.said()
        self.assertNotEqual(more["set"], before["set"])
        self.server.stop()
        self.assertEqual(self.project.json("export")["first"], 22)  # without a server: behind its last checkpoint
        self.assertEqual(self.said(), more)
        self.server = shop.Server(self.project)
        self.assertEqual(self.said(), more)
        path = self.project.root / ".headrace/events/*/raw.orders.parquet"
        rows = duckdb.execute(f"select count(*), count(distinct order_id), sum(cast(_arrival < lag_arrival as int)) from "
                              f"(select *, lag(_arrival) over (order by _ingest) as lag_arrival from read_parquet('{path}'))").fetchone()
        self.assertEqual(rows, (115, 115, 0))

    def test_quarantined_rows_outlive_the_log(self):
        self.server.post(QUARANTINE, [{"order_id": 2_000_000, "happened_at": instant(-60), "shop": "q", "amount": "5"}])
        held = self.held()
        self.project.json("export")
        self.server.kill()
        self.server = shop.Server(self.project)
        self.assertEqual(self.held(), held)
        mended = self.project.root / "mended.ndjson"
        row = {"order_id": 2_000_000, "happened_at": instant(-60), "shop": "q", "amount": 5.0}
        mended.write_text(json.dumps({"id": held[0]["id"], "row": row}) + "\n")
        self.assertEqual(self.project.json("push", "raw.orders", str(mended), "--quarantined")["accepted"], 1)
        self.assertEqual(self.held(), [])
        self.project.json("export")
        self.assertEqual(self.held(), [])
        self.assertEqual(self.server.post(EVENTS, row), {"accepted": 0, "duplicates": 1})

    def test_a_view_whose_definition_changes_is_built_of_exported_events_too(self):
        self.push(10)
        self.project.json("export")
        self.push(2)
        view = self.project.root / "features/shop_recent.sql"
        view.write_text(view.read_text().replace("avg(amount) as mean", "avg(amount + 1) as mean"))
        self.project.run("build")
        (self.project.root / "features/shop_more.sql").write_text(
            "{{ config(entity='shop', event_time='happened_at', windows=['all']) }}\n"
            "select count(*) as orders from {{ source('raw', 'orders') }}\n")
        self.server.stop()
        self.project.run("build")
        self.server = shop.Server(self.project)
        asked = {"features": ["shop_more.orders_all", "shop_recent.orders_all"], "entities": {"shop": list("apq")}}
        rows = self.server.post("/v1/features", asked)["rows"]
        self.assertTrue(all(more == recent for more, recent in rows))
        self.assertEqual(sum(row[0] for row in rows), 60 + 1500 - self.history_of("bc"))

    def history_of(self, shops):
        names = ", ".join(f"'{name}'" for name in shops)
        return json.loads(self.project.run("sql", f"select count(*) as n from orders_backfill where shop in ({names})", "--json"))[0]["n"]

    def test_a_set_from_before_the_export_is_extended_after_it(self):
        self.push(10)
        first, _ = self.make_set("grown")
        self.project.json("export")
        self.push(4)
        self.project.json("export")
        self.push(4)
        with self.labels.open("a") as labels:
            labels.write(f"b,{instant(8000)}\n")
        extended, manifest = self.make_set("grown")
        self.assertGreater(extended["reused_rows"], 0)  # those of shop b
        full, in_full = self.make_set("full", "--full")
        self.assertEqual((extended["content_hash"], manifest["log_hash"]), (full["content_hash"], in_full["log_hash"]))
        self.assertNotEqual(full["content_hash"], first["content_hash"])

    def test_a_damaged_file_is_named(self):
        self.push(10)
        self.project.json("export")
        path = next((self.project.root / ".headrace/events").glob("*/raw.orders.parquet"))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        self.server.kill()
        self.assertIn(str(path), self.project.run("training-set", "--labels", str(self.labels), "--time", "asked_at", "--features", FEATURES,
                                                  "--full", "--out", str(self.project.root / "x.parquet"), status=1))
        with self.assertRaisesRegex(AssertionError, path.name):
            shop.Server(self.project)
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        self.server = shop.Server(self.project)

    def restart_with(self, settings):
        self.server.stop()
        (self.project.root / "headrace.yml").write_text(f"name: shop\nonline: {settings}\n")
        self.server = shop.Server(self.project)

    def wait_for(self, metric, value):
        for _ in range(300):
            if self.server.metric(metric) >= value:
                return
            time.sleep(0.1)
        self.fail(f"{metric} is {self.server.metric(metric)}, not {value}")

    def test_the_server_exports_by_itself(self):
        for settings in ("{export: {every: 1d, size: 1kB}}", "{export: {every: 1s, size: 1GB}}"):
            with self.subTest(settings=settings):
                self.restart_with(settings)
                self.push(20)
                self.wait_for("headrace_exported_position", self.server.metric("headrace_log_position"))
                self.server.kill()
                self.server = shop.Server(self.project)
                self.assertEqual(self.server.metric("headrace_exported_position"), self.server.metric("headrace_log_position"))
                self.assertEqual(self.project.json("export")["segments"], 0)

    def test_an_export_that_fails_is_told_and_loses_nothing(self):
        self.restart_with("{export: {every: 1s}}")
        in_the_way = self.project.root / ".headrace/events"
        in_the_way.write_text("")
        self.push(20)
        self.wait_for("headrace_export_failures_total", 1)
        in_the_way.unlink()
        self.assertEqual(self.project.json("export")["rows"], 100)
        self.server.stop()
        self.assertIn("the log could not be exported", self.server.errors)

    def test_state_and_repair_after_an_export(self):
        self.push(20)
        self.server.post(QUARANTINE, '[{"order_id": "x"}]')
        before = self.project.json("state", "hash")
        self.assertEqual(self.project.json("export")["log_begins_after"], 21)  # the log is empty now
        self.assertEqual(self.project.json("state", "hash"), before)
        for damaged in (None, "CURRENT"):
            self.server.stop()
            if damaged:
                flip(self.project.root / ".headrace/online" / damaged, 3)
            report = self.project.json("state", "repair")
            self.assertEqual(report["log_entries"], 21)
            self.assertEqual(report["damage"] is not None, damaged is not None)
            self.assertEqual(self.project.json("state", "hash"), before)
            self.server = shop.Server(self.project)
            self.assertEqual(self.project.json("state", "hash"), before)
        self.push(1)
        self.assertEqual(self.project.json("export")["first"], 22)

    def test_a_backup_has_what_was_exported(self):
        self.push(20)
        self.project.json("export")
        self.push(2)
        before = self.project.json("state", "hash")
        copy = Copy(self.project.root.parent / (self.project.root.name + "_backup"))
        self.addCleanup(shutil.rmtree, copy.root, ignore_errors=True)
        self.assertEqual(self.project.json("backup", str(copy.root))["log_position"], 22)
        self.project.json("export")
        self.assertEqual(copy.json("state", "hash"), before)
        copied = shop.Server(copy)
        self.addCleanup(copied.stop)
        self.assertEqual(copy.json("export")["first"], 21)
        shutil.rmtree(copy.root, ignore_errors=True)
        path = next((self.project.root / ".headrace/events").glob("*/raw.orders.parquet"))
        flip(path, 100)
        self.assertIn(str(path), self.project.run("backup", str(copy.root), status=1))
        self.assertFalse(copy.root.exists())
        flip(path, 100)

    def test_backups_beside_exports(self):
        self.restart_with("{export: {every: 1s, size: 1kB}}")
        stop = threading.Event()
        pusher = threading.Thread(target=lambda: [self.push(1) for _ in iter(stop.is_set, True)])
        pusher.start()
        for number in range(4):
            copy = Copy(self.project.root.parent / f"{self.project.root.name}_backup{number}")
            self.addCleanup(shutil.rmtree, copy.root, ignore_errors=True)
            position = self.project.json("backup", str(copy.root))["log_position"]
            self.assertEqual(copy.json("state", "hash")["log_position"], position)
        stop.set()
        pusher.join()

    def test_without_pushed_events_there_is_nothing_to_export(self):
        self.assertEqual(self.project.json("export")["segments"], 0)
        self.server.stop()
        self.assertEqual(self.project.json("export")["segments"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
