"""kill -9 of a serving process under concurrent writers: nothing acknowledged is lost, nothing counts twice."""
import random
import threading
import time
import unittest

import shop

ROUNDS = 6
WRITERS = 4


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
        chance = random.Random(11)
        sent = [[] for _ in range(WRITERS)]
        acknowledged = [[] for _ in range(WRITERS)]
        for round_number in range(ROUNDS):
            server = shop.Server(self.project)
            writers = [Writer(server, number, 1_000_000 * (number + 1) + 50_000 * round_number) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.05, 0.6))
            server.kill()
            for writer in writers:
                writer.join()
                sent[writer.number] += writer.sent
                acknowledged[writer.number] += writer.acknowledged
            server = shop.Server(self.project)
            for number, count in enumerate(self.counts(server)):
                self.assertGreaterEqual(count, len(acknowledged[number]), f"round {round_number}, writer {number}: acknowledged events are gone")
                self.assertLessEqual(count, len(sent[number]), f"round {round_number}, writer {number}: events count twice")
            self.resend(server, sent)
            self.assertEqual(self.counts(server), [len(ids) for ids in sent])
            if round_number % 2 == 0:
                self.assertEqual(server.stop(), 0)  # with a checkpoint; the other rounds recover from the log alone
            else:
                server.kill()
            acknowledged = [list(ids) for ids in sent]
        self.assertGreater(sum(len(ids) for ids in sent), 100)

    def resend(self, server, sent):
        """All events once more: those that were kept are duplicates, the others are accepted."""
        before = self.counts(server)
        for number, ids in enumerate(sent):
            orders = [{"order_id": order, "happened_at": "2024-01-01T00:00:00Z", "shop": f"w{number}", "amount": 0.1} for order in ids]
            answer = server.post("/v1/events/raw.orders", orders) if orders else {"duplicates": 0, "accepted": 0}
            self.assertEqual(answer["duplicates"], before[number])
            self.assertEqual(answer["accepted"], len(ids) - before[number])


if __name__ == "__main__":
    unittest.main(verbosity=2)
