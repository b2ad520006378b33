"""A server on a bad machine: no file descriptors left, slow syncs, a clock that is set back, a second server beside it."""
import collections
import concurrent.futures
import contextlib
import os
import resource
import socket
import struct
import time
import unittest

import duckdb
import shop

EVENTS = "/v1/events/raw.orders"
FEATURES = {"features": ["shop_recent.orders_all"], "entities": {"shop": ["w"]}}
FIRST_ID = 1_000_000
HOUR_US = 3_600_000_000


def orders(begin, end):
    return [{"order_id": FIRST_ID + i, "happened_at": "2024-01-01T00:00:00Z", "shop": "w", "amount": 0.25} for i in range(begin, end)]


class Machine(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.project.run("build")
        self.faults = self.project.root / "faults"
        self.have()

    def have(self, sync_s=0.0, clock_us=0):
        """What the machine is like from now on."""
        content = struct.pack("qq", int(1e6 * sync_s), clock_us)
        if self.faults.exists():
            with self.faults.open("r+b") as file:
                file.write(content)
        else:
            self.faults.write_bytes(content)

    def serve(self):
        os.environ |= {"HEADRACE_TEST_FAULTS": str(self.faults), "LD_PRELOAD": os.environ["HEADRACE_FAULTS"]}
        try:
            server = shop.Server(self.project)
        finally:
            del os.environ["HEADRACE_TEST_FAULTS"], os.environ["LD_PRELOAD"]
        self.addCleanup(server.stop)
        return server

    def count(self, server, connection=None):
        return server.post("/v1/features", FEATURES, connection)["rows"][0][0]

    def check(self, server, count):
        """The first `count` events are there, once each, and after a restart as well."""
        self.assertEqual(self.count(server), count)
        server.kill()
        server = self.serve()
        self.assertEqual(self.count(server), count)
        self.assertEqual(server.post(EVENTS, orders(0, count)), {"accepted": 0, "duplicates": count})
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.project.json("verify")["differences"], 0)

    def test_without_file_descriptors(self):
        server = self.serve()
        pid = server.process.pid
        with contextlib.ExitStack() as stack:
            served = stack.enter_context(contextlib.closing(server.connect()))
            self.assertEqual(server.post(EVENTS, orders(0, 5), served)["accepted"], 5)
            limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            highest = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (highest + 4, limits[1]))
            more = [stack.enter_context(socket.create_connection((server.host, server.port))) for _ in range(50)]
            request = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
            for connection in more:
                connection.sendall(request)
            begin_s = cpu_s(pid)
            time.sleep(1)
            self.assertLess(cpu_s(pid) - begin_s, 0.5)  # it does not ask for the next connection all the time
            for i in range(5, 50, 5):
                self.assertEqual(server.post(EVENTS, orders(i, i + 5), served)["accepted"], 5)
            self.assertEqual(self.count(server, served), 50)
            for connection in more[:40]:  # those that were accepted make room for the others
                connection.close()
            for connection in more[40:]:
                connection.settimeout(30)
                self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200"))
                connection.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        self.check(server, 50)

    def test_slow_syncs_push_back(self):
        server = self.serve()
        self.have(sync_s=600)
        rows = 45_000  # of which not all fit into the queue
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            sent = [pool.submit(server.request, "POST", EVENTS, orders(i * rows, (i + 1) * rows)) for i in range(10)]
            first = next(concurrent.futures.as_completed(sent)).result()
            self.have()
            answers = [future.result() for future in sent]
        self.assertEqual(first[0], 429, first)  # nothing can be accepted before a sync ends
        self.assertIn("send again later", first[1]["error"]["message"])
        statuses = collections.Counter(status for status, _ in answers)
        self.assertEqual(set(statuses), {200, 429}, statuses)
        self.assertEqual(self.count(server), statuses[200] * rows)
        for i, (status, _) in enumerate(answers):
            if status == 429:
                self.assertEqual(server.post(EVENTS, orders(i * rows, (i + 1) * rows)), {"accepted": rows, "duplicates": 0})
        server.kill()
        server = self.serve()
        self.assertEqual(self.count(server), 10 * rows)
        self.assertEqual(server.stop(), 0)

    def test_a_clock_that_is_set_back(self):
        server = self.serve()
        server.post(EVENTS, orders(0, 5))
        before_us = int(1e6 * time.time())
        self.assertEqual(self.count(server), 5)
        self.have(clock_us=-HOUR_US)
        server.post(EVENTS, orders(5, 10))
        self.assertEqual(self.count(server), 10)  # one reads one's own writes
        # What was read stays as it was.
        self.assertEqual(server.post("/v1/features", FEATURES | {"at": before_us})["rows"][0][0], 5)
        server.kill()
        server = self.serve()
        self.assertEqual(self.count(server), 10)
        server.post(EVENTS, orders(10, 15))
        self.assertEqual(self.count(server), 15)
        self.check(server, 15)
        self.project.run("export")
        path = self.project.root / ".headrace/events/*/raw.orders.parquet"
        arrivals = [row[0] for row in duckdb.execute(f"select _arrival from read_parquet('{path}') order by _ingest").fetchall()]
        self.assertEqual(len(arrivals), 15)
        self.assertEqual(arrivals, sorted(arrivals))

    def test_a_second_server(self):
        server = self.serve()
        server.post(EVENTS, orders(0, 5))
        said = self.project.run("serve", "--port", "0", status=1)
        for what in (str(self.project.root), f":{server.port}", f"process {server.process.pid}", "stop it"):
            self.assertIn(what, said)
        server.post(EVENTS, orders(5, 10))
        self.check(server, 10)


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
