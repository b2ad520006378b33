"""The server computes a sample of its predictions again from raw history, all the time."""
import time
import unittest

import duckdb
import shop

QUESTION = {"shop": "a", "city": "x", "offered": 12.5}


class SampledVerify(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.project.run("build")
        self.project.run("train", "good_order")

    def tearDown(self):
        self.project.remove()

    def serve(self, verify):
        (self.project.root / "headrace.yml").write_text(f"name: shop\nonline: {{verify: {verify}}}\n")
        server = shop.Server(self.project)
        self.addCleanup(server.stop)
        return server

    def metric(self, server, name):
        return server.metric(f"headrace_verify_{name}_total")

    def wait_for(self, server, name, least):
        for _ in range(300):
            if self.metric(server, name) >= least:
                return
            time.sleep(0.1)
        self.fail(f"{name} is {self.metric(server, name)} after 30 s, not {least}")

    def push(self, server, order_id, amount):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        event = {"order_id": order_id, "happened_at": now, "shop": "a", "amount": amount}
        self.assertEqual(server.post("/v1/events/raw.orders", event)["accepted"], 1)

    def test_what_is_right_is_counted_and_nothing_differs(self):
        server = self.serve("5 rows every 200ms")
        for turn in (1, 2):
            for order_id in range(1_000_000 * turn, 1_000_000 * turn + 20):
                self.push(server, order_id, 0.1 * (order_id % 7))
                server.post("/v1/predict/good_order", {"rows": [QUESTION]})
            self.wait_for(server, "rows", 5 * turn)
        rows = self.metric(server, "rows")
        self.assertGreaterEqual(self.metric(server, "cells"), 20 * rows)
        self.assertEqual(self.metric(server, "mismatches"), 0)
        self.assertEqual(self.metric(server, "failures"), 0)

    def test_a_state_that_is_not_what_history_says_is_found(self):
        server = self.serve("off")
        self.push(server, 1_000_000, 3.0)
        self.assertEqual(server.stop(), 0)  # its checkpoint holds the states
        with duckdb.connect(str(self.project.root / ".headrace/warehouse.duckdb")) as warehouse:
            warehouse.execute("""update history."raw.orders" set amount = amount + 1 where shop = 'a'""")
        server = self.serve("50 rows every 200ms")
        answer = server.post("/v1/predict/good_order", {"rows": [QUESTION]})
        self.wait_for(server, "mismatches", 1)
        self.assertEqual(server.stop(), 0)
        self.assertIn(f"verify: prediction {answer['predictions'][0]['id']} used shop_recent.total_all = ", server.errors)

    def test_it_can_be_off(self):
        server = self.serve("off")
        server.post("/v1/predict/good_order", {"rows": [QUESTION]})
        time.sleep(0.5)
        self.assertEqual(self.metric(server, "rows"), 0)

    def test_a_setting_that_is_none_is_named(self):
        (self.project.root / "headrace.yml").write_text("name: shop\nonline: {verify: often}\n")
        self.assertIn("headrace.yml:2:18: 'often' is no value of 'verify'", self.project.run("check", status=1))


if __name__ == "__main__":
    unittest.main()
