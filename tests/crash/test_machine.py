"""A server on a bad machine: no file descriptors left, slow syncs, a clock that is set back, a full disk, a second server."""
import collections
import concurrent.futures
import contextlib
import os
import resource
import shutil
import socket
import struct
import subprocess
import time
import unittest

import duckdb
import shop

EVENTS = "/v1/events/raw.orders"
FEATURES = {"features": ["shop_recent.orders_all"], "entities": {"shop": ["w"]}}
FIRST_ID = 1_000_000
HOUR_US = 3_600_000_000
FAULTS = "qqqqqq"  # of tests/crash/faults.cc
ROOM = 1 << 50


def orders(begin, end):
    return [{"order_id": FIRST_ID + i, "happened_at": "2024-01-01T00:00:00Z", "shop": "w", "amount": 0.25} for i in range(begin, end)]


class Machine(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.project.run("build")
        self.faults = self.project.root / "faults"
        self.backup = self.project.root.with_name(self.project.root.name + "_backup")
        self.have()

    def have(self, sync_s=0.0, clock_us=0, hold_at=0, room=ROOM):
        """What the machine is like from now on."""
        content = struct.pack("qqqq", int(1e6 * sync_s), clock_us, hold_at, room)
        if not self.faults.exists():
            self.faults.write_bytes(bytes(struct.calcsize(FAULTS)))
        with self.faults.open("r+b") as file:
            file.write(content)

    def room(self):
        """How many bytes may still be written to the backup's disk."""
        return struct.unpack(FAULTS, self.faults.read_bytes())[3]

    def locks(self):
        """How often the program has begun to lock the project."""
        return struct.unpack(FAULTS, self.faults.read_bytes())[4]

    def accepts(self):
        """How often the program has asked for a connection."""
        return struct.unpack(FAULTS, self.faults.read_bytes())[5]

    @contextlib.contextmanager
    def bad_machine(self):
        """For what is started in it."""
        faults = {"HEADRACE_TEST_FAULTS": str(self.faults), "HEADRACE_TEST_FULL": str(self.backup), "LD_PRELOAD": os.environ["HEADRACE_FAULTS"]}
        os.environ |= faults
        try:
            yield
        finally:
            for name in faults:
                del os.environ[name]

    def serve(self):
        with self.bad_machine():
            server = shop.Server(self.project)
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

    @unittest.skipIf("UBSAN_OPTIONS" in os.environ, "the sanitizer asks through a descriptor what memory it may read")
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
            begin = self.accepts()
            self.assertGreater(begin, 1)
            time.sleep(1)
            self.assertLess(self.accepts() - begin, 1000)  # it does not ask for the next connection all the time
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
        with concurrent.futures.ThreadPoolExecutor(11) as pool:
            sent = [pool.submit(server.request, "POST", EVENTS, orders(i * rows, (i + 1) * rows)) for i in range(10)]
            first = next(concurrent.futures.as_completed(sent)).result()
            self.assertGreater(server.metric("headrace_event_queue_rows"), 100_000)
            single = pool.submit(server.request, "POST", EVENTS, orders(10 * rows, 10 * rows + 1))
            self.assertEqual(concurrent.futures.wait([single], timeout=0.5).done, set())  # there is room for it, and it waits
            self.have()
            answers = [future.result() for future in sent]
        self.assertEqual(first[0], 429, first)  # nothing can be accepted before a sync ends
        self.assertIn("send again later", first[1]["error"]["message"])
        statuses = collections.Counter(status for status, _ in answers)
        self.assertEqual(set(statuses), {200, 429}, statuses)
        self.assertEqual(single.result(), (200, {"accepted": 1, "duplicates": 0}))
        self.assertEqual(self.count(server), statuses[200] * rows + 1)
        self.assertEqual(server.metric("headrace_event_queue_rows"), 0)
        for i, (status, _) in enumerate(answers):
            if status == 429:
                self.assertEqual(server.post(EVENTS, orders(i * rows, (i + 1) * rows)), {"accepted": rows, "duplicates": 0})
        server.kill()
        server = self.serve()
        self.assertEqual(self.count(server), 10 * rows + 1)
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

    def test_a_backup_on_a_full_disk(self):
        self.project.run("train", "good_order")
        self.addCleanup(shutil.rmtree, self.backup, ignore_errors=True)
        beside = self.backup.with_name(self.backup.name + ".tmp")
        server = self.serve()
        ask = {"rows": [{"shop": "w", "city": "x", "offered": 3.0}]}
        server.post(EVENTS, orders(0, 5))
        server.post("/v1/predict/good_order", ask)
        self.project.run("backup", str(self.backup))
        needed = ROOM - self.room()
        self.assertGreater(needed, 100_000)
        shutil.rmtree(self.backup)
        count = 5
        for percent in (0, 1, 30, 60, 80, 90, 95, 99):
            with self.subTest(percent=percent):
                self.have(room=needed * percent // 100)
                said = self.project.run("backup", str(self.backup), status=1)
                self.assertIn("No space left", said)
                self.assertIn(str(beside), said)
                self.assertFalse(self.backup.exists() or beside.exists())
                self.assertFalse(list((self.project.root / ".headrace/tmp").glob("*")), "something is left")
                server.post(EVENTS, orders(count, count + 5))
                server.post("/v1/predict/good_order", ask)
                count += 5
                self.assertEqual(self.count(server), count)
                self.assertEqual(self.project.run("sql", "select count(*) from ledger.good_order", "--format", "csv").split()[1], str(count // 5))
        self.have()
        self.project.run("backup", str(self.backup))
        copy = shop.Project()
        self.addCleanup(copy.remove)
        shutil.rmtree(copy.root)
        self.backup.rename(copy.root)
        self.assertEqual(copy.json("verify")["differences"], 0)
        self.check(server, count)

    def test_a_server_that_starts_between_two_steps_of_a_command(self):
        """A command that looks for a server, and then waits for the lock, would wait for as long as the server runs."""
        ready = self.project.root / ".headrace/server.json"
        for arguments, status, told in ((("sql", "select 42"), 0, "42"), (("serve", "--port", "0"), 1, "runs already")):
            for number in (1, 2):
                with self.subTest(command=arguments[0], held_at=number), contextlib.ExitStack() as stack:
                    self.faults.unlink()
                    self.have(hold_at=number)
                    command = self.start(arguments, stack)
                    while self.locks() < number and command.poll() is None and not ready.exists():
                        time.sleep(0.01)
                    if self.locks() < number:  # it needed fewer, and nobody came in between
                        command.terminate()
                        self.assertEqual(command.wait(timeout=60), 0)
                        continue
                    server = shop.Server(self.project)
                    stack.callback(server.stop)
                    self.have()
                    said = "".join(command.communicate(timeout=60))
                    self.assertEqual(command.returncode, status, said)
                    self.assertIn(told, said)

    def start(self, arguments, stack):
        """A command on the bad machine, until the stack unwinds."""
        with self.bad_machine():
            command = subprocess.Popen([shop.BINARY, "-C", str(self.project.root), *arguments], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True)
        stack.callback(command.communicate)
        stack.callback(command.kill)
        return command


if __name__ == "__main__":
    unittest.main()
