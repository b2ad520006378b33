"""A server that dies at a named point: nothing acknowledged is lost, nothing counts twice, whatever was half done."""
import os
import unittest

import shop

EVENTS = "/v1/events/raw.orders"
FIRST_ID = 1_000_000
ANSWERLESS = (OSError, AssertionError, shop.http.client.HTTPException)


def orders(begin, end):
    return [{"order_id": FIRST_ID + i, "happened_at": "2024-01-01T00:00:00Z", "shop": "w", "amount": 0.25} for i in range(begin, end)]


class Points(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.project.run("build")

    def serve(self, kill_at=""):
        os.environ["HEADRACE_KILL_AT"] = kill_at
        try:
            return shop.Server(self.project)
        finally:
            del os.environ["HEADRACE_KILL_AT"]

    def push(self, server, begin, end):
        for i in range(begin, end, 5):
            self.assertEqual(server.post(EVENTS, orders(i, i + 5)), {"accepted": 5, "duplicates": 0})

    def check(self, server, count):
        """Exactly the first `count` events are there, and all of them are known."""
        body = {"features": ["shop_recent.orders_all", "shop_recent.total_all"], "entities": {"shop": ["w"]}}
        self.assertEqual(server.post("/v1/features", body)["rows"], [[count, 0.25 * count]])
        self.assertEqual(server.post(EVENTS, orders(0, count)), {"accepted": 0, "duplicates": count})

    def run_command(self, *arguments):
        """A command that the server may die under."""
        shop.subprocess.run([shop.BINARY, "-C", str(self.project.root), *arguments], capture_output=True, timeout=300, check=False)

    def died(self, server):
        server.process.wait(timeout=60)
        server.process.communicate()
        self.assertEqual(server.process.returncode, -shop.signal.SIGKILL)

    def test_after_the_log_and_before_the_answer(self):
        server = self.serve("log.written:4")
        self.push(server, 0, 15)
        with self.assertRaises(ANSWERLESS):
            server.post(EVENTS, orders(15, 20))
        self.died(server)
        server = self.serve()
        self.check(server, 20)  # durable, though nobody was told: sent again it is a duplicate
        self.assertEqual(server.stop(), 0)

    def test_in_a_checkpoint(self):
        for begin, point in ((0, "checkpoint.begun"), (20, "checkpoint.view"), (40, "checkpoint.view:2"), (60, "checkpoint.written")):
            with self.subTest(point=point):
                server = self.serve(point)
                self.push(server, begin, begin + 20)
                server.process.send_signal(shop.signal.SIGTERM)  # writes a checkpoint at its end
                self.died(server)
                server = self.serve()
                self.check(server, begin + 20)
                server.kill()

    def test_in_a_swap_of_definitions(self):
        server = self.serve("replace.built")
        self.push(server, 0, 20)
        self.run_command("build")
        self.died(server)
        server = self.serve()
        self.check(server, 20)
        self.assertEqual(server.stop(), 0)

    def test_in_an_export(self):
        count = 0
        for point in ("export.files", "export.manifest", "export.truncated", "checkpoint.written"):
            with self.subTest(point=point):
                server = self.serve(point)
                self.push(server, count, count + 20)
                count += 20
                self.run_command("export")
                self.died(server)
                if point == "export.files":
                    self.assertFalse(list((self.project.root / ".headrace/events").glob("*/segment.json")))
                    self.assertTrue(list((self.project.root / ".headrace/events").glob("*/*.parquet")))
                server = self.serve()
                self.check(server, count)
                server.kill()
        server = self.serve()
        self.project.json("export")
        self.check(server, count)
        self.assertEqual(server.stop(), 0)
        segments = sorted(folder.name.split("-") for folder in (self.project.root / ".headrace/events").iterdir())
        ends = [0] + [int(last) for _, last in segments]
        self.assertEqual([int(first) for first, _ in segments], [end + 1 for end in ends[:-1]])  # no gap, nothing twice
        server = self.serve()
        self.check(server, count)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
