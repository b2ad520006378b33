"""`headrace backup`: a folder to go on from, taken while writes go on or while nothing runs."""
import shutil
import threading
import time
import unittest

import shop
from test_damage import flip

NOW = time.time()
ASK = {"features": ["shop_recent.*", "shop_last.amount", "city_weather.degrees"], "entities": {"shop": ["w0", "w1", "w2"], "city": ["x", "x", "x"]}}


def order(order_id, shop_name="w0"):
    happened_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - order_id % 1000))
    return {"order_id": order_id, "happened_at": happened_at, "shop": shop_name, "amount": order_id / 7}


class Copy:
    """A project in a folder that something else has made."""

    run, json = shop.Project.run, shop.Project.json

    def __init__(self, root):
        self.root = root


class Writer(threading.Thread):
    """Pushes orders of its own shop, and asks for predictions, until it is told to stop."""

    def __init__(self, server, number):
        super().__init__()
        self.server, self.number, self.stopping = server, number, threading.Event()
        self.acknowledged = 0

    def run(self):
        connection = self.server.connect()
        while not self.stopping.is_set():
            self.server.post("/v1/events/raw.orders", order(1_000_000 * (self.number + 1) + self.acknowledged, f"w{self.number}"), connection)
            self.acknowledged += 1
            self.server.post("/v1/predict/good_order", {"rows": [{"shop": f"w{self.number}", "city": "x", "offered": 3.0}]}, connection)
        connection.close()


class Backup(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.project.run("build")
        self.project.run("train", "good_order")
        self.target = self.project.root.parent / (self.project.root.name + "_backup")
        self.addCleanup(shutil.rmtree, self.target, ignore_errors=True)

    def count(self, project, table):
        return int(project.run("sql", f"select count(*) from {table}", "--format", "csv").split()[1])

    def features_at(self, server, at):
        return server.post("/v1/features", ASK | {"at": at})["rows"]

    def test_under_concurrent_writes(self):
        server = shop.Server(self.project)
        self.addCleanup(server.stop)
        server.post("/v1/events/raw.orders?on_error=quarantine", '[{"order_id": "x"}]')
        writers = [Writer(server, number) for number in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(1)
        before = [writer.acknowledged for writer in writers]
        report = self.project.json("backup", str(self.target))
        during = [writer.acknowledged for writer in writers]
        time.sleep(0.3)
        for writer in writers:
            writer.stopping.set()
            writer.join()
        self.assertTrue(all(more > less for more, less in zip(during, before)), "writes stood still")
        self.assertEqual(report["folder"], str(self.target))
        self.assertFalse(self.target.with_name(self.target.name + ".tmp").exists())

        copy = Copy(self.target)
        hash_of_copy = copy.json("state", "hash")
        self.assertEqual(hash_of_copy["log_position"], report["log_position"])
        verified = copy.json("verify")
        self.assertEqual(verified["differences"], 0)
        self.assertGreaterEqual(verified["rows"], sum(before))
        self.assertEqual(self.count(copy, "orders_backfill"), self.count(self.project, "orders_backfill"))
        self.assertEqual(self.count(copy, "quarantine.events"), 1)
        copied = shop.Server(copy)
        self.addCleanup(copied.stop)
        self.assertEqual(copy.json("state", "hash"), hash_of_copy)
        orders = [row[2] for row in copied.post("/v1/features", ASK)["rows"]]  # shop_recent.orders_all
        for number, writer in enumerate(writers):
            self.assertGreaterEqual(orders[number], before[number], "what was acknowledged before is not in it")
            self.assertLessEqual(orders[number], writer.acknowledged)
        # It goes on: an event that it has is a duplicate, one that came later is new.
        for number, expected in ((0, (0, 1)), (writers[0].acknowledged + 1, (1, 0))):
            answer = copied.post("/v1/events/raw.orders", order(1_000_000 + number))
            self.assertEqual((answer["accepted"], answer["duplicates"]), expected)
        copied.post("/v1/predict/good_order", {"rows": [{"shop": "w0", "city": "x", "offered": 3.0}]})
        self.assertEqual(copied.stop(), 0)
        self.assertEqual(copy.json("verify")["differences"], 0)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.project.json("verify")["differences"], 0)

    def test_without_a_server(self):
        server = shop.Server(self.project)
        server.post("/v1/events/raw.orders", [order(number) for number in range(2_000_000, 2_000_100)])
        server.post("/v1/predict/good_order", {"rows": [{"shop": "w0", "city": "x", "offered": 3.0}]})
        at = server.post("/v1/features", ASK)["at"]
        answers = self.features_at(server, at)
        server.kill()
        self.project.run("backup", str(self.target))
        copy = Copy(self.target)
        self.assertEqual(copy.json("state", "hash"), self.project.json("state", "hash"))
        self.assertEqual(self.count(copy, "ledger.good_order"), 1)
        shutil.rmtree(self.project.root)  # nothing in the copy leans on it
        copied = shop.Server(copy)
        self.assertEqual(self.features_at(copied, at), answers)
        self.assertEqual(copied.stop(), 0)
        self.assertEqual(copy.json("verify")["differences"], 0)
        copy.run("build")

    def test_a_folder_that_holds_something_is_refused(self):
        self.target.mkdir()
        (self.target / "mine").write_text("")
        self.assertIn("name a new one", self.project.run("backup", str(self.target), status=1))
        self.assertEqual([path.name for path in self.target.iterdir()], ["mine"])
        (self.target / "mine").unlink()
        self.project.run("backup", str(self.target))  # an empty one will do
        inside = self.project.root / "backups" / "monday"
        self.project.run("backup", str(inside))
        self.assertFalse((inside / "backups" / "monday").exists())

    def test_damage_is_found_and_leaves_nothing_behind(self):
        server = shop.Server(self.project)
        server.post("/v1/events/raw.orders", [order(number) for number in range(2_000_000, 2_000_100)])
        self.assertEqual(server.stop(), 0)
        (artifact,) = (self.project.root / ".headrace/artifacts").iterdir()
        flip(artifact, 1000)
        said = self.project.run("backup", str(self.target), status=1)
        self.assertIn(str(artifact), said)
        self.assertFalse(self.target.exists())
        self.assertFalse(self.target.with_name(self.target.name + ".tmp").exists())
        flip(artifact, 1000)
        self.project.run("backup", str(self.target))


if __name__ == "__main__":
    unittest.main()
