#!/usr/bin/env python3
"""Commands while a server has the project, and commands that speak to it."""
import concurrent.futures
import csv
import fcntl
import json
import signal
import subprocess
import unittest

from headrace_testing import BINARY, FAILED, ProjectTest, Server

COUNT = "select count(*) as n from orders"


def event(order_id, customer="c01", minute=0, **more):
    return {"order_id": order_id, "customer": customer, "ordered_at": f"2026-05-01T00:{minute:02}:00Z", "amount": 20.5, **more}


class BuiltProject(ProjectTest):
    def setUp(self):
        super().setUp()
        self.shop = self.new_project()
        self.run_ok("build", cwd=self.shop)


class WithServer(BuiltProject):
    def setUp(self):
        super().setUp()
        self.run_ok("train", "order_returned", cwd=self.shop)
        self.server = Server(self.shop)
        self.addCleanup(self.server.errors.close)
        self.addCleanup(self.server.stop)

    def test_commands_go_through_the_server(self):
        self.assertGreater(self.run_ok("sql", COUNT, "--json", cwd=self.shop).json()[0]["n"], 1000)
        self.assertTrue(self.run_ok("build", "--json", cwd=self.shop).json()["published"])
        self.assertIn("order_returned", self.run_ok("models", cwd=self.shop).out)
        self.assertIn("publish", self.run_ok("show", "plan", cwd=self.shop).out)
        self.run_ok("check", cwd=self.shop)

    def test_errors_and_statuses_come_back(self):
        result = self.run_refused(FAILED, "sql", "select nothing from orders", cwd=self.shop)
        self.assertRegex(result.err, r"(?m)^headrace: .*nothing")

    def test_files_are_the_caller_s(self):
        self.run_ok("-C", "shop", "training-set", "order_returned", "--out", "here.parquet")
        self.run_ok("-C", "shop", "sql", COUNT, "--format", "parquet", "--out", "count.parquet")
        self.assertTrue((self.folder / "here.parquet").exists() and (self.folder / "count.parquet").exists())

    def test_a_second_server_is_refused(self):
        result = self.run_refused(FAILED, "serve", "--port", "0", cwd=self.shop)
        self.assertIn(self.server.url, result.err)

    def test_push_ndjson_and_csv_and_what_is_a_duplicate(self):
        lines = [event(900001), event(900002, minute=1)]
        path = self.write("events.ndjson", "".join(json.dumps(line) + "\n" for line in lines))
        self.assertEqual(self.run_ok("push", "raw.placed", path, "--json", cwd=self.shop).json(), {"accepted": 2, "duplicates": 0})
        self.assertIn("0 accepted, 2 duplicates", self.run_ok("push", "raw.placed", path, cwd=self.shop).out)
        # The customer is text, also where it looks like a number.
        path = self.write("events.csv", "order_id,customer,ordered_at,amount\n900003,17,2026-05-01T00:02:00Z,5\n")
        self.assertEqual(self.run_ok("push", "raw.placed", path, "--json", cwd=self.shop).json(), {"accepted": 1, "duplicates": 0})
        path = self.write("events.json", json.dumps([event(900004, minute=3)]))
        self.assertEqual(self.run_ok("push", "raw.placed", path, "--json", cwd=self.shop).json(), {"accepted": 1, "duplicates": 0})

    def test_a_pushed_event_is_in_the_next_answer(self):
        ask = {"features": ["customer_recent.orders_1d"], "entities": {"customer": ["new one"]}, "at": "2026-06-01T00:00:00Z"}
        self.write("late.ndjson", json.dumps({**event(900010, "new one"), "ordered_at": "2026-05-31T23:00:00Z"}) + "\n")
        self.run_ok("push", "raw.placed", self.folder / "late.ndjson", cwd=self.shop)
        del ask["at"]
        status, answer = self.server.request("POST", "/v1/features", ask)
        self.assertEqual(status, 200, answer)

    def test_a_bad_event_names_its_row_and_column(self):
        path = self.write("bad.ndjson", json.dumps(event(1)) + "\n" + json.dumps(event("two")) + "\n")
        result = self.run_refused(FAILED, "push", "raw.placed", path, cwd=self.shop)
        self.assertRegex(result.err, r"order_id")
        result = self.run_refused(FAILED, "push", "raw.plced", path, cwd=self.shop)
        self.assertRegex(result.err, r"raw\.plced")

    def test_predict_a_row(self):
        row = json.dumps({"customer": "c01", "amount": 80.0})
        answer = self.run_ok("predict", "order_returned", "--row", row, "--json", cwd=self.shop).json()
        self.assertEqual(answer["model_version"], 1)
        self.assertTrue(0 < answer["predictions"][0]["value"] < 1)
        self.assertIn("version 1", self.run_ok("predict", "order_returned/1", "--row", row, cwd=self.shop).out)
        self.assertIn("amount", self.run_refused(FAILED, "predict", "order_returned", "--row", '{"customer": "c01"}', cwd=self.shop).err)
        self.run_refused(FAILED, "predict", "order_returned", "--row", "[1]", cwd=self.shop)
        self.run_refused(FAILED, "predict", "order_returnd", "--row", row, cwd=self.shop)

    def test_predict_a_file(self):
        asked = self.write("asked.csv", "customer,amount\n" + "".join(f"c{i % 60:02},{i % 90 + 0.5}\n" for i in range(1100)))
        self.run_ok("predict", "order_returned", "--file", asked, "--out", self.folder / "answers.csv", cwd=self.shop)
        rows = list(csv.DictReader((self.folder / "answers.csv").read_text().splitlines()))
        self.assertEqual(len(rows), 1100)
        self.assertEqual((rows[777]["customer"], rows[777]["amount"]), ("c57", "57.5"))
        self.assertTrue(all(0 < float(row["prediction"]) < 1 and row["prediction_id"] for row in rows))
        for name in ("answers.parquet", "answers.json", "answers.ndjson"):
            self.run_ok("-C", "shop", "predict", "order_returned", "--file", "asked.csv", "--out", name)
            self.assertGreater((self.folder / name).stat().st_size, 1000)
        self.run_refused(FAILED, "predict", "order_returned", "--file", asked, "--out", "answers.xls", cwd=self.shop)

    def test_the_ledger_is_current_and_verifies(self):
        row = json.dumps({"customer": "c02", "amount": 10.0})
        prediction = self.run_ok("predict", "order_returned", "--row", row, "--json", cwd=self.shop).json()["predictions"][0]["id"]
        ids = self.run_ok("sql", "select id from ledger.order_returned", "--json", cwd=self.shop).json()
        self.assertEqual(ids, [{"id": prediction}])
        self.assertEqual(self.run_ok("verify", "--json", cwd=self.shop).json()["differences"], 0)
        self.assertIn("order_returned", self.run_ok("explain", prediction, cwd=self.shop).out)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.run_ok("verify", "--json", cwd=self.shop).json()["differences"], 0)

    def test_an_alias_switches_the_version_that_answers(self):
        self.run_ok("train", "order_returned", cwd=self.shop)
        self.run_ok("models", "alias", "order_returned", "champion", "2", cwd=self.shop)
        row = json.dumps({"customer": "c01", "amount": 80.0})
        self.assertEqual(self.run_ok("predict", "order_returned", "--row", row, "--json", cwd=self.shop).json()["model_version"], 2)

    def test_a_server_stops_with_status_0_and_leaves_nothing_behind(self):
        self.assertEqual(self.server.stop(), 0)
        self.assertFalse((self.shop / ".headrace/server.json").exists())
        self.assertFalse((self.shop / ".headrace/control.sock").exists())

    def test_what_a_killed_server_leaves_is_no_hindrance(self):
        self.server.process.send_signal(signal.SIGKILL)
        self.server.process.wait()
        self.run_ok("sql", COUNT, cwd=self.shop)
        self.assertIn("no server", self.run_refused(FAILED, "predict", "order_returned", "--row", "{}", cwd=self.shop).err.replace("gone away", "no server"))
        with Server(self.shop) as again:
            self.assertEqual(again.request("GET", "/readyz")[0], 200)


class WithoutServer(BuiltProject):
    def test_a_command_waits_for_another_and_says_so(self):
        with open(self.shop / ".headrace/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            waiting = subprocess.Popen([BINARY, "sql", COUNT], cwd=self.shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.addCleanup(waiting.kill)
            self.assertIn("waiting", waiting.stderr.readline())
            self.assertIsNone(waiting.poll())
        out, err = waiting.communicate(timeout=60)
        self.assertEqual((waiting.returncode, err), (0, ""))
        self.assertIn("(1 row)", out)

    def test_a_command_that_comes_while_a_server_starts_is_handed_to_it(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:
            starting = pool.submit(Server, self.shop)
            self.addCleanup(lambda: starting.result().close())
            while not starting.done():
                self.run_ok("sql", COUNT, cwd=self.shop)
        self.run_ok("sql", COUNT, cwd=self.shop)

    def test_many_commands_at_once(self):
        running = [subprocess.Popen([BINARY, "sql", COUNT], cwd=self.shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for _ in range(4)]
        for process in running:
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, err)
            self.assertIn("(1 row)", out)

    def test_models_before_any_training(self):
        self.assertIn("headrace train", self.run_ok("models", cwd=self.shop).out)
        self.assertEqual(self.run_ok("models", "--json", cwd=self.shop).json(), [])
        self.run_refused(FAILED, "models", "show", "order_returned", cwd=self.shop)


class Models(BuiltProject):
    def test_list_show_alias_rebuild(self):
        trained = self.run_ok("train", "order_returned", "--json", cwd=self.shop).json()
        self.assertEqual(trained["version"], 1)
        [model] = self.run_ok("models", "--json", cwd=self.shop).json()
        self.assertEqual((model["model"], model["aliases"]), ("order_returned", {"champion": 1}))
        shown = self.run_ok("models", "show", "order_returned@champion", "--json", cwd=self.shop).json()
        self.assertEqual(shown["version"], 1)
        self.assertIn("logistic_regression", self.run_ok("models", "show", "order_returned/1", cwd=self.shop).out)
        self.run_ok("models", "alias", "order_returned", "tried", "1", cwd=self.shop)
        self.run_ok("models", "show", "order_returned@tried", cwd=self.shop)
        self.run_ok("models", "rebuild", "order_returned/1", cwd=self.shop)
        self.run_refused(FAILED, "models", "alias", "order_returned", "champion", "9", cwd=self.shop)


if __name__ == "__main__":
    unittest.main()
