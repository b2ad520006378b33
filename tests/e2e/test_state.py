"""`state hash`: the same state from the same log, however it came about, and `state repair`."""
import shutil
import time
import unittest

import shop

QUARANTINE = "/v1/events/raw.orders?on_error=quarantine"


NOW = time.time()


def order(order_id, second=0, amount=1.0):
    happened_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 60 + second))
    return {"order_id": order_id, "happened_at": happened_at, "shop": "abc"[order_id % 3], "amount": amount}


class State(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.project.run("build")

    def serve(self):
        server = shop.Server(self.project)
        self.addCleanup(server.stop)
        return server

    def hash(self, project=None):
        return (project or self.project).json("state", "hash")

    def push_some(self, server, first=1_000_000):
        for number in range(0, 60, 3):
            server.post("/v1/events/raw.orders", [order(first + number + i, second=59 - number // 3 * 2, amount=number / 7) for i in range(3)])
        server.post(QUARANTINE, '[{"order_id": "x"}, {"order_id": 1.5}]')

    def test_the_hash_is_of_history_and_log_alone(self):
        nothing = self.hash()  # before there is a log
        self.assertEqual(nothing["log_position"], 0)
        server = self.serve()
        self.assertEqual(self.hash(), nothing)
        self.push_some(server)
        live = self.hash()
        self.assertIn("a server runs on this state", self.project.run("state", "repair", status=1))
        self.assertEqual(live["log_position"], 21)
        self.assertNotEqual(live["hash"], nothing["hash"])
        self.assertEqual({(part["kind"], part["name"]) for part in live["parts"]},
                         {("ids", "raw.orders"), ("quarantine", "raw.orders"), ("view", "shop_recent"), ("view", "shop_last"), ("view", "city_weather")})
        server.kill()
        self.assertEqual(self.hash(), live)  # without a server, from the log
        server = self.serve()
        self.assertEqual(self.hash(), live)
        self.assertEqual(server.stop(), 0)  # with a checkpoint
        self.assertEqual(self.hash(), live)
        self.assertIn(live["hash"] + "  at log entry 21", self.project.run("state", "hash"))

    def test_a_log_that_is_copied_into_another_project_gives_the_same_bits(self):
        server = self.serve()
        self.push_some(server)
        self.assertEqual(server.stop(), 0)
        other = shop.Project()
        self.addCleanup(other.remove)
        shutil.rmtree(other.root)
        shutil.copytree(self.project.root, other.root, ignore=shutil.ignore_patterns("*.sock", "lock"))
        live = self.hash()
        self.assertEqual(self.hash(other), live)
        report = other.json("state", "repair")  # an empty store, but for the log
        self.assertEqual((report["damage"], report["log_entries"], report["views"]), (None, 21, 3))
        self.assertEqual(self.hash(other), live)
        other_server = shop.Server(other)
        self.addCleanup(other_server.stop)
        self.assertEqual(self.hash(other), live)
        other_server.post("/v1/events/raw.orders", order(2_000_000))
        changed = self.hash(other)
        self.assertNotEqual(changed["hash"], live["hash"])
        self.assertEqual(self.parts_that_differ(changed, live), {("ids", "raw.orders"), ("view", "shop_recent"), ("view", "shop_last")})

    def parts_that_differ(self, one, other):
        others = {(part["kind"], part["name"]): part for part in other["parts"]}
        return {(part["kind"], part["name"]) for part in one["parts"] if others.get((part["kind"], part["name"])) != part}


if __name__ == "__main__":
    unittest.main()
