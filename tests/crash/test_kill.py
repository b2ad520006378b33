"""kill -9 of a serving process under concurrent writers: nothing acknowledged is lost, nothing counts twice."""
import os
import random
import threading
import time
import unittest

import shop

KILLS = int(os.environ.get("KILLS", 24))  # ./dev bench crash: 1,000
SEED = int(os.environ.get("SEED", 11))
WRITERS = 4
FIRST_ID = 100_000_000


class Writer(threading.Thread):
    """Sends orders of its own shop, one or a few a request, until the server is gone."""

    def __init__(self, server, number, first_id):
        super().__init__()
        self.server, self.number, self.next_id = server, number, first_id
        self.sent, self.acknowledged = [], []

    def run(self):
        chance = random.Random(self.next_id)
        connection = self.server.connect()
        while True:
            ids = list(range(self.next_id, self.next_id + 1 + chance.randrange(3)))
            self.next_id = ids[-1] + 1
            self.sent += ids
            orders = [{"order_id": order, "happened_at": "2024-01-01T00:00:00Z", "shop": f"w{self.number}", "amount": 0.1} for order in ids]
            try:
                self.server.post("/v1/events/raw.orders", orders, connection)
            except (OSError, AssertionError, shop.http.client.HTTPException):
                return
            self.acknowledged += ids


class Kill(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.project.run("build")

    def tearDown(self):
        self.project.remove()

    def counts(self, server):
        shops = [f"w{number}" for number in range(WRITERS)]
        body = {"features": ["shop_recent.orders_all", "shop_recent.total_all"], "entities": {"shop": shops}}
        return [row[0] for row in server.post("/v1/features", body)["rows"]]

    def test_acknowledged_events_survive_and_count_once(self):
        chance = random.Random(SEED)
        sent = [[] for _ in range(WRITERS)]  # of all rounds; every one of them is accepted in the end
        acknowledged = 0
        for round_number in range(KILLS):
            server = shop.Server(self.project)
            writers = [Writer(server, number, FIRST_ID * (number + 1) + len(sent[number])) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.05, 0.6))
            server.kill()
            for writer in writers:
                writer.join()
            server = shop.Server(self.project)
            counts = self.counts(server)
            for number, writer in enumerate(writers):
                count = counts[number] - len(sent[number])
                self.assertGreaterEqual(count, len(writer.acknowledged), f"round {round_number}, writer {number}: acknowledged events are gone")
                self.assertLessEqual(count, len(writer.sent), f"round {round_number}, writer {number}: events count twice")
                self.assertEqual(self.send(server, number, writer.sent), (len(writer.sent) - count, count))
                sent[number] += writer.sent
                acknowledged += len(writer.acknowledged)
            self.assertEqual(self.counts(server), [len(ids) for ids in sent])
            if round_number % 2 == 0:
                self.assertEqual(server.stop(), 0)  # with a checkpoint; the other rounds recover from the log alone
            else:
                server.kill()
        self.assertGreater(acknowledged, 10 * KILLS)
        server = shop.Server(self.project)
        for number, ids in enumerate(sent):
            for begin in range(0, len(ids), 50_000):
                piece = ids[begin:begin + 50_000]
                self.assertEqual(self.send(server, number, piece), (0, len(piece)))
        self.assertEqual(server.stop(), 0)
        print(f"{KILLS} kills, {acknowledged:,} events acknowledged before them: none lost, none counted twice")

    def send(self, server, number, ids):
        """Sends events, whether they were sent before or not; returns how many were accepted, how many duplicates."""
        orders = [{"order_id": order, "happened_at": "2024-01-01T00:00:00Z", "shop": f"w{number}", "amount": 0.1} for order in ids]
        answer = server.post("/v1/events/raw.orders", orders) if orders else {"duplicates": 0, "accepted": 0}
        return answer["accepted"], answer["duplicates"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
