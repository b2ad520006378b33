"""The rules of the feature semantics that a whole project shows, by their numbers: order of files, keys, times, windows, request views."""
import time
import unittest

import duckdb

import shop

FILES = {
    "tables/odd.yml": """
sources:
  - name: odd
    tables:
      - name: parts
        location: data/parts/*.csv
      - name: seen
        stream: {history: seen_rows, event_time: happened_at, event_id: id}
        columns: [{name: id, data_type: bigint}, {name: happened_at, data_type: timestamp}, {name: k, data_type: int}, {name: x, data_type: double}]
""",
    "tables/seen_rows.sql": "select * from {{ source('odd', 'parts') }}",
    "tables/cleaned.sql": "select k, happened_at, x * 2 as doubled from {{ source('odd', 'seen') }} where x is not null",
    "tables/distinct_ones.sql": "select distinct k, happened_at, x from {{ source('odd', 'seen') }}",
    "features/by_k.sql": """
{{ config(entity='k', event_time='happened_at', windows=['all']) }}
select count(*) as n, last(x) as newest, last(x, 3) as latest, quantile_disc(x, 0.5) as middle, approx_quantile(x, 0.9) as high, count(distinct x) as kinds
from {{ source('odd', 'seen') }}
""",
    "features/of_cleaned.sql": "{{ config(entity='k', event_time='happened_at', windows=['all']) }}\nselect count(*) as n, max(doubled) as most from {{ ref('cleaned') }}",
    "features/of_distinct.sql": "{{ config(entity='k', event_time='happened_at', windows=['all']) }}\nselect count(*) as n from {{ ref('distinct_ones') }}",
    "features/asked.sql": "{{ config(kind='request', request={'x': 'double'}) }}\nselect x * 2 as twice, epoch_us(request_time) as at_us from request",
}


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = shop.Project(FILES)
        cls.root = cls.project.root
        parts = cls.root / "data/parts"
        parts.mkdir(parents=True)
        # Files by the bytes of their names: 'B.csv' before 'a.csv' before 'b.csv'; the id 3 stands in two of them.
        (parts / "b.csv").write_text("id,happened_at,k,x\n3,2024-01-01 10:00:00,1,99\n4,2024-01-01 10:00:00,1,4\n")
        (parts / "B.csv").write_text("id,happened_at,k,x\n1,2024-01-01 10:00:00,1,1\n,2024-01-01 10:00:00,1,\n,2024-01-01 10:00:00,1,\n")
        many = "".join(f"{100 + i},2024-01-02 {i // 3600:02d}:{i // 60 % 60:02d}:{i % 60:02d},2,{(i * 7919) % 6001 / 8}\n" for i in range(6000))
        (parts / "a.csv").write_text("id,happened_at,k,x\n3,2024-01-01 10:00:00,1,3\n7,,1,7\n" + many)
        cls.project.run("build")

    @classmethod
    def tearDownClass(cls):
        cls.project.remove()

    def features(self, labels, names, time_column="t"):
        """Rows of a training set for a query of labels."""
        out = self.root / "set.parquet"
        duckdb.execute(f"copy ({labels}) to '{self.root}/labels.parquet'")
        self.project.run("training-set", "--labels", "labels.parquet", "--time", time_column, "--features", names, "--out", str(out))
        return duckdb.execute(f"select * from '{out}'").fetchall()

    def refused(self, labels, names):
        duckdb.execute(f"copy ({labels}) to '{self.root}/labels.parquet'")
        return self.project.run("training-set", "--labels", "labels.parquet", "--time", "t", "--features", names, "--out", str(self.root / "no.parquet"), status=1)

    def test_rules_3_7_and_8_files_in_the_order_of_their_names_ids_once_no_event_without_a_time(self):
        rows = self.features("select 1 as k, timestamp '2024-06-01' as t", "by_k.n_all,by_k.newest_all,by_k.latest_all")
        # 1, null, null (null ids are never duplicates), 3 (of a.csv), 4; not 99 (a duplicate), not 7 (without a time).
        self.assertEqual(rows[0][2:], (5, 4.0, [None, 3.0, 4.0]))

    def test_rule_13_keys_are_cast_without_loss_or_refused(self):
        for key in ("1::tinyint", "1::bigint", "1::utinyint"):
            self.assertEqual(self.features(f"select {key} as k, timestamp '2024-06-01' as t", "by_k.n_all")[0][2], 5, key)
        self.assertIn("'k'", self.refused("select '1' as k, timestamp '2024-06-01' as t", "by_k.n_all"))
        self.assertIn("'k'", self.refused("select 1.5::double as k, timestamp '2024-06-01' as t", "by_k.n_all"))
        (self.root / "features/of_double.sql").write_text("{{ config(entity='x', event_time='happened_at', windows=['all']) }}\nselect count(*) as n from {{ source('odd', 'seen') }}")
        try:
            self.assertIn("doubles are no keys", self.project.run("check", status=1))
        finally:
            (self.root / "features/of_double.sql").unlink()

    def test_rule_14_instants_of_every_type(self):
        for instant, n in {"timestamp_s '2024-01-01 10:00:01'": 5, "timestamp_ms '2024-01-01 10:00:00.001'": 5, "date '2024-01-02'": 5, "date '2024-01-01'": 0,
                           "timestamptz '2024-01-01 12:00:00+02'": 0, "timestamptz '2024-01-01 12:00:01+02'": 5, "timestamp_ns '2024-01-01 10:00:00.000001000'": 5,
                           "null::timestamp": 0}.items():
            self.assertEqual(self.features(f"select 1 as k, {instant} as t", "by_k.n_all")[0][2], n, instant)
        self.assertIn("microsecond", self.refused("select 1 as k, timestamp_ns '2024-01-01 10:00:00.000001001' as t", "by_k.n_all"))
        self.assertIn("infinit", self.refused("select 1 as k, timestamp 'infinity' as t", "by_k.n_all"))

    def test_rule_22_quantiles_and_distinct_counts_beyond_their_exact_sizes(self):
        (row,) = self.features("select 2 as k, timestamp '2024-06-01' as t", "by_k.middle_all,by_k.high_all,by_k.kinds_all")
        values = sorted(float((i * 7919) % 6001 / 8) for i in range(6000))
        for got, fraction in ((row[2], 0.5), (row[3], 0.9)):
            near = values[int(fraction * (len(values) - 1))]
            self.assertLess(abs(got - near), 0.01 * near + 1)
        self.assertLess(abs(row[4] - 6000), 6000 * 0.08)  # four standard errors of 2 %

    def test_rule_23_aggregates_need_windows_and_the_latest_value_none(self):
        view = self.root / "features/bad.sql"
        for text, message in (("{{ config(entity='k', event_time='happened_at') }}\nselect count(*) as n from {{ source('odd', 'seen') }}", "windows"),
                              ("{{ config(entity='k', event_time='happened_at', windows=['1d']) }}\nselect x from {{ source('odd', 'seen') }}", "windows")):
            view.write_text(text)
            try:
                found = self.project.run("check", status=1)
            finally:
                view.unlink()
            self.assertIn("features/bad.sql:", found)
            self.assertIn(message, found)

    def test_rule_24_request_fields_are_label_columns_and_time_is_the_rows(self):
        rows = self.features("select 1.5::double as x, timestamp '2024-06-01' as t union all select null, timestamp '2024-06-02'", "asked.*")
        self.assertEqual([row[2:] for row in rows], [(3.0, 1717200000000000), (None, 1717286400000000)])
        view = self.root / "features/volatile.sql"
        view.write_text("{{ config(kind='request', request={}) }}\nselect epoch(now()) as s from request")
        try:
            self.assertIn("request_time", self.project.run("check", status=1))
        finally:
            view.unlink()

    def test_rule_25_a_row_wise_table_is_live_and_a_distinct_one_waits_for_a_build(self):
        server = shop.Server(self.project)
        try:
            server.post("/v1/events/odd.seen", {"id": 900000, "happened_at": int(time.time() * 1e6) - 1_000_000, "k": 77, "x": 21.0})
            answer = server.post("/v1/features", {"features": ["by_k.n_all", "of_cleaned.n_all", "of_cleaned.most_all", "of_distinct.n_all"], "entities": {"k": [77]}})
            self.assertEqual(answer["rows"], [[1, 1, 42, 0]])
        finally:
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
