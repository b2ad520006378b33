"""`online:` of headrace.yml, as a running server keeps to it."""
import time
import unittest

import shop

FEATURES = {"features": ["shop_recent.orders_all"], "entities": {"shop": ["w"]}}


def order(order_id, happened_at="2024-01-01T00:00:00Z"):
    return {"order_id": order_id, "happened_at": happened_at, "shop": "w", "amount": 1.0}


def in_days(days):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86_400))


class OnlineSettings(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.project.run("build")

    def tearDown(self):
        self.project.remove()

    def serve(self, **settings):
        lines = "".join(f"  {key}: {value}\n" for key, value in settings.items())
        (self.project.root / "headrace.yml").write_text(f"name: shop\nonline:\n{lines}")
        return shop.Server(self.project)

    def test_no_fsync_policy_loses_an_event_when_the_process_is_killed(self):
        sent = 0
        for fsync in ("always", "every 10ms", "os"):
            server = self.serve(fsync=fsync)
            with self.subTest(fsync=fsync):
                for _ in range(20):
                    sent += 1
                    server.post("/v1/events/raw.orders", order(1_000_000 + sent))
                server.kill()
                server = self.serve(fsync=fsync)
                self.assertEqual(server.post("/v1/features", FEATURES)["rows"], [[sent]])
                self.assertEqual(server.post("/v1/events/raw.orders", order(1_000_000 + sent)), {"accepted": 0, "duplicates": 1})
            self.assertEqual(server.stop(), 0)
        self.project.run("verify")  # a log that was written under each of them is read without a server

    def test_ids_of_pushed_events_are_forgotten_after_their_retention(self):
        server = self.serve(id_retention="1s")
        self.assertEqual(server.post("/v1/events/raw.orders", order(1_000_000))["accepted"], 1)
        held = server.metric("headrace_event_ids")
        time.sleep(1.1)
        self.assertEqual(server.post("/v1/events/raw.orders", order(1_000_000))["accepted"], 1)
        self.assertEqual(server.post("/v1/events/raw.orders", order(7)), {"accepted": 0, "duplicates": 1})  # of history
        self.assertEqual(server.metric("headrace_event_ids"), held)
        self.assertGreater(server.metric("headrace_event_id_bytes"), 0)
        self.assertEqual(server.stop(), 0)

    def test_events_of_the_future_are_refused_and_counted(self):
        server = self.serve(future_skew="2d")
        good = order(1_000_000, in_days(1.9))
        answer = server.post("/v1/events/raw.orders", [good, order(1_000_001, in_days(2.1))], status=400)
        self.assertIn("row 1, column 'happened_at': ", str(answer))
        self.assertIn("is more than 2d after the server's clock", str(answer))
        self.assertEqual(server.metric("headrace_events_future_total"), 1)
        self.assertEqual(server.metric("headrace_requests_refused_total"), 1)
        self.assertEqual(server.post("/v1/events/raw.orders", good), {"accepted": 1, "duplicates": 0})
        self.assertEqual(server.stop(), 0)

    def test_keep_is_how_far_back_at_may_lie(self):
        server = self.serve(keep="3d")
        server.post("/v1/features", FEATURES | {"at": in_days(-2.9)})
        self.assertIn("at_too_old", str(server.post("/v1/features", FEATURES | {"at": in_days(-3.1)}, status=400)))
        self.assertEqual(server.stop(), 0)
        server = self.serve(keep="9d")
        server.post("/v1/features", FEATURES | {"at": in_days(-8.9)})
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
