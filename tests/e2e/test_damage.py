"""One flipped bit in each kind of file of the state: named and refused, with what to do; `state repair` brings back the same bits."""
import shutil
import time
import unittest

import shop

NOW = time.time()


def order(order_id):
    happened_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 100 + order_id % 100))
    return {"order_id": order_id, "happened_at": happened_at, "shop": "abc"[order_id % 3], "amount": order_id / 7}


def flip(path, offset, bit=2):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


class Damage(unittest.TestCase):
    """A server was stopped twice, so that log and states are in tables, and then killed, so that there is a write-ahead log."""

    @classmethod
    def setUpClass(cls):
        cls.original = shop.Project()
        cls.original.run("build")
        cls.original.run("train", "good_order")
        cls.sent = 1_000_000
        for end in (shop.Server.stop, shop.Server.stop, shop.Server.kill):
            server = shop.Server(cls.original)
            for _ in range(20):
                server.post("/v1/events/raw.orders", [order(cls.sent), order(cls.sent + 1)])
                cls.sent += 2
            for _ in range(3):
                server.post("/v1/predict/good_order", {"rows": [{"shop": "a", "city": "x", "offered": 3.0}]})
            end(server)
        cls.sound = shop.Project()
        shutil.rmtree(cls.sound.root)
        shutil.copytree(cls.original.root, cls.sound.root, ignore=shutil.ignore_patterns("*.sock", "server.json"))

    @classmethod
    def tearDownClass(cls):
        cls.original.remove()
        cls.sound.remove()

    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.fresh()

    def fresh(self):
        shutil.rmtree(self.project.root)
        shutil.copytree(self.sound.root, self.project.root)
        self.state = self.project.root / ".headrace"
        self.online = self.state / "online"

    def table_of(self, family):
        """The newest table of a column family; RocksDB writes its name into each."""
        return max(path for path in self.online.glob("*.sst") if b"name" + family in path.read_bytes())

    def assert_refused(self, path, what_to_do, *command):
        said = self.project.run(*(command or ("state", "hash")), status=1)
        self.assertIn(path.name, said)
        self.assertIn(what_to_do, said)
        return said

    def assert_repaired(self, path, offset):
        before = self.project.json("state", "hash")
        flip(path, offset)
        self.assert_refused(path, "headrace state repair")
        self.assert_refused(path, "headrace state repair", "serve", "--port", "0")
        report = self.project.json("state", "repair")
        self.assertEqual(report["log_entries"], 60)
        self.assertIn(path.name, report["damage"])
        self.assertEqual(self.project.json("state", "hash"), before)
        server = shop.Server(self.project)
        self.assertEqual(self.project.json("state", "hash"), before)
        self.assertEqual(server.post("/v1/events/raw.orders", [order(self.sent - 1)]), {"accepted": 0, "duplicates": 1})
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.project.json("verify")["differences"], 0)

    def test_states(self):
        size = self.table_of(b"state").stat().st_size
        for offset in (100, size // 2, size - 1200):
            with self.subTest(offset=offset):
                self.fresh()
                self.assert_repaired(self.table_of(b"state"), offset)

    def test_what_names_the_tables(self):
        for name, offset in (("MANIFEST-*", 200), ("MANIFEST-*", 4), ("CURRENT", 12)):
            with self.subTest(name=name, offset=offset):
                self.fresh()
                (path,) = self.online.glob(name)
                self.assert_repaired(path, offset)

    def assert_not_repaired(self, path, offset, bit=2):
        flip(path, offset, bit)
        files = sorted(self.state.rglob("*"))
        self.assert_refused(path, "headrace state repair")
        said = self.assert_refused(path, "headrace backup", "state", "repair")
        self.assertIn("log of accepted events itself is damaged", said)
        self.assertEqual(sorted(self.state.rglob("*.sst")), [file for file in files if file.suffix == ".sst"])
        flip(path, offset, bit)
        self.project.run("state", "hash")  # nothing was changed

    def test_the_log_is_never_dropped(self):
        self.assert_not_repaired(self.table_of(b"log"), 300)

    def test_an_acknowledged_entry_of_the_write_ahead_log(self):
        (path,) = [path for path in self.online.glob("*.log") if path.stat().st_size > 0]
        content = path.read_bytes()
        # A record: checksum, length (2 bytes at 4), type, payload. Lengths that say too much look like a torn end.
        first, second = 0, 7 + int.from_bytes(content[4:6], "little")
        last = second
        while last + 7 + int.from_bytes(content[last + 4:last + 6], "little") < len(content):
            last += 7 + int.from_bytes(content[last + 4:last + 6], "little")
        for offset, bit in ((first + 30, 0), (second + 2, 3), (second + 5, 6), (last + 40, 1), (last + 5, 6), (last + 6, 0)):
            with self.subTest(offset=offset, bit=bit):
                self.assert_not_repaired(path, offset, bit)

    def test_a_torn_end_of_the_write_ahead_log_is_no_damage(self):
        (path,) = [path for path in self.online.glob("*.log") if path.stat().st_size > 0]
        content = path.read_bytes()
        path.write_bytes(content[:-30])
        self.assertEqual(self.project.json("state", "hash")["log_position"], 59)
        path.write_bytes(content + content[:4])  # a header that is cut short
        self.assertEqual(self.project.json("state", "hash")["log_position"], 60)

    def test_a_missing_current_is_no_empty_store(self):
        before = self.project.json("state", "hash")
        (self.online / "CURRENT").unlink()
        self.assert_refused(self.online / "CURRENT", "headrace state repair", "serve", "--port", "0")
        self.project.run("state", "repair")
        self.assertEqual(self.project.json("state", "hash"), before)

    def test_the_warehouse(self):
        path = self.state / "warehouse.duckdb"
        self.project.run("sql", "select 1")  # brings its write-ahead log into the file
        for offset in range(4096 * 3, path.stat().st_size, 262_144):  # blocks of 256 KiB begin there
            flip(path, offset + 1000)
        said = self.project.run("verify", status=1)
        self.assertIn("warehouse.duckdb: damaged: ", said)
        self.assertIn("headrace backup", said)

    def test_the_warehouses_write_ahead_log(self):
        """As a kill leaves it."""
        server = shop.Server(self.project)
        for _ in range(5):
            server.post("/v1/predict/good_order", {"rows": [{"shop": "a", "city": "x", "offered": 3.0}]})
            count = self.project.run("sql", "select count(*) from ledger.good_order")  # which brings it into the warehouse
        server.kill()
        path = self.state / "warehouse.duckdb.wal"
        content, tables = path.read_bytes(), (self.state / "warehouse.duckdb").read_bytes()
        entries = [8]  # after the log's begin: length and checksum, 8 bytes each, and what they are of
        while entries[-1] + 16 + int.from_bytes(content[entries[-1]:entries[-1] + 8], "little") < len(content):
            entries.append(entries[-1] + 16 + int.from_bytes(content[entries[-1]:entries[-1] + 8], "little"))
        self.assertGreater(len(entries), 20)
        last = entries[-1]
        lengths = [entry + 2 for entry in entries[::len(entries) // 5]]  # makes them longer than the file
        for offset in (0, 2, 5, *lengths, entries[10] + 8, entries[10] + 16, last + 1, last + 9, last + 16):
            with self.subTest(offset=offset):
                path.write_bytes(content)
                flip(path, offset)
                damaged = path.read_bytes()
                for command in (("sql", "select 1"), ("serve", "--port", "0"), ("build",)):
                    self.assert_refused(path, "headrace backup", *command)
                self.assertEqual((path.read_bytes(), (self.state / "warehouse.duckdb").read_bytes()), (damaged, tables))
        path.write_bytes(content + content[entries[3]:entries[3] + 20])  # a write that was cut short
        self.assertEqual(self.project.run("sql", "select count(*) from ledger.good_order"), count)
        self.assertEqual(self.project.json("verify")["differences"], 0)

    def test_the_registry(self):
        path = self.state / "registry.sqlite"
        content = path.read_bytes()
        for text in (b"logistic_regression", b"champion"):
            with self.subTest(text=text):
                flip(path, content.rindex(text) + 3)
                self.assert_refused(path, "headrace backup", "models", "show", "good_order/1")
                path.write_bytes(content)
        flip(path, 16)
        self.assert_refused(path, "headrace backup", "models")

    def test_a_model(self):
        (path,) = (self.state / "artifacts").iterdir()
        flip(path, path.stat().st_size // 2)
        server = shop.Server(self.project)
        status, answer = server.request("POST", "/v1/predict/good_order", {"rows": [{"shop": "a", "city": "x", "offered": 3.0}]})
        self.assertEqual(server.stop(), 0)
        self.assertNotEqual(status, 200)
        self.assertIn(path.name, str(answer))
        self.assertIn("train the model again", str(answer))

    def test_predictions(self):
        (path,) = (self.state / "predictions").glob("*.journal")
        for offset in (100, path.stat().st_size - 30):  # the last record, too
            with self.subTest(offset=offset):
                flip(path, offset)
                self.assert_refused(path, "move the file away", "sql", "select * from ledger.good_order")
                self.assert_refused(path, "move the file away", "serve", "--port", "0")
                flip(path, offset)
        flip(path, 100)
        path.rename(self.project.root / "moved")
        server = shop.Server(self.project)
        server.post("/v1/predict/good_order", {"rows": [{"shop": "a", "city": "x", "offered": 3.0}]})
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.project.json("verify")["differences"], 0)


if __name__ == "__main__":
    unittest.main()
