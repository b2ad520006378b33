#!/usr/bin/env python3
"""A project from its first file on: init, check, build, sql, show."""
import csv
import io
import re
import unittest

from headrace_testing import DONE, FAILED, ProjectTest


class Init(ProjectTest):
    def test_a_new_project_checks_and_builds(self):
        shop = self.new_project()
        self.assertRegex(self.run_ok("check", cwd=shop).out, r"^shop: no errors in 2 sources, 1 table, .* 2 feature views, 1 model\n$")
        report = self.run_ok("build", "--json", cwd=shop).json()
        self.assertTrue(report["published"])
        self.assertEqual({test["passed"] for test in report["tests"]}, {True})
        self.assertGreater({t["name"]: t["rows"] for t in report["tables"]}["orders"], 1000)

    def test_the_folder_names_the_project(self):
        self.run_ok("init", "2 nice-shops")
        self.assertIn("name: project_2_nice_shops", (self.folder / "2 nice-shops" / "headrace.yml").read_text())

    def test_what_is_there_is_never_overwritten(self):
        self.write("shop/notes.txt", "mine")
        self.assertIn("not empty", self.run_refused(FAILED, "init", "shop").err)
        self.assertEqual([path.name for path in (self.folder / "shop").iterdir()], ["notes.txt"])

    def test_the_flights_example(self):
        self.run_ok("init", "flights", "--example", "flights")
        self.run_ok("check", cwd=self.folder / "flights")

    def test_an_example_that_is_none(self):
        self.assertIn("did you mean 'flights'?", self.run_refused(FAILED, "init", "x", "--example", "flihgts").err)
        self.assertFalse((self.folder / "x").exists())


class Check(ProjectTest):
    def broken(self):
        shop = self.new_project()
        self.write("shop/tables/orders.sql", "select order_id, custmer, ordered_at, amount\nfrom {{ source('raw', 'order') }}\n")
        self.write("shop/features/customer_recent.sql",
                   "{{ config(entity='customer', event_time='ordered_at', windows=['1x']) }}\nselect count(*) as n from {{ source('raw', 'placed') }}\n")
        self.write("shop/models/order_returned.yml", "name: order_returned\ntask: binry\ncolor: blue\n")
        return shop

    def test_every_error_at_its_place_and_a_count(self):
        result = self.run_refused(FAILED, "check", cwd=self.broken())
        for place in (r"tables/orders\.sql:2:\d+: .*order", r"features/customer_recent\.sql:1:\d+: .*1x",
                      r"models/order_returned\.yml:2:7: .*binry.*binary", r"models/order_returned\.yml:3:1: .*color"):
            self.assertRegex(result.out, rf"(?m)^{place}")
        count = len(result.out.splitlines())
        self.assertRegex(result.err, rf"^headrace: {count} errors in \d files\n$")

    def test_json(self):
        result = self.run_refused(FAILED, "check", "--json", cwd=self.broken())
        errors = result.json()["errors"]
        self.assertEqual({frozenset(error) for error in errors}, {frozenset(["file", "line", "column", "message", "hint"])})
        self.assertIn(("models/order_returned.yml", 2, 7), [(e["file"], e["line"], e["column"]) for e in errors])

    def test_json_without_errors(self):
        self.assertEqual(self.run_ok("check", "--json", cwd=self.new_project()).json()["errors"], [])

    def test_no_state_is_made(self):
        shop = self.new_project()
        self.run_ok("check", cwd=shop)
        self.assertFalse((shop / ".headrace").exists())

    def test_vars_of_the_command_line(self):
        shop = self.new_project()
        self.write("shop/tables/large.sql", "select * from {{ ref('orders') }} where amount > {{ var('limit') }}\n")
        self.assertIn("limit", self.run_refused(FAILED, "check", cwd=shop).out)
        self.run_ok("check", "--vars", "limit: 5", cwd=shop)

    def test_a_project_elsewhere(self):
        self.new_project()
        self.run_ok("-C", "shop", "check")
        self.run_ok("check", "-C", "shop")


class Sql(ProjectTest):
    QUERY = "select order_id, customer, amount from orders order by order_id limit 2"

    def setUp(self):
        super().setUp()
        self.shop = self.new_project()
        self.run_ok("build", cwd=self.shop)

    def test_formats(self):
        table = self.run_ok("sql", self.QUERY, cwd=self.shop).out
        self.assertRegex(table.splitlines()[0], r"^order_id +customer +amount$")
        self.assertEqual(table.splitlines()[-1], "(2 rows)")
        rows = list(csv.DictReader(io.StringIO(self.run_ok("sql", self.QUERY, "--format", "csv", cwd=self.shop).out)))
        self.assertEqual([row["order_id"] for row in rows], ["1", "2"])
        objects = self.run_ok("sql", self.QUERY, "--json", cwd=self.shop).json()
        self.assertEqual(float(rows[0]["amount"]), objects[0]["amount"])
        self.assertEqual(self.run_ok("sql", self.QUERY, "--format", "json", cwd=self.shop).json(), objects)

    def test_parquet_goes_to_a_file_beside_the_user(self):
        self.run_ok("-C", "shop", "sql", self.QUERY, "--format", "parquet", "--out", "two.parquet")
        self.assertEqual((self.folder / "two.parquet").read_bytes()[:4], b"PAR1")

    def test_only_results_are_on_standard_output(self):
        result = self.run_ok("sql", "select 1 as one", "--format", "csv", cwd=self.shop)
        self.assertEqual((result.out, result.err), ("one\n1\n", ""))

    def test_a_bad_statement_fails(self):
        result = self.run_refused(FAILED, "sql", "select nothing from orders", cwd=self.shop)
        self.assertRegex(result.err, r"^headrace: .*nothing")

    def test_only_reading(self):
        self.run_refused(FAILED, "sql", "drop table orders", cwd=self.shop)
        self.run_ok("sql", self.QUERY, cwd=self.shop)

    def test_a_failing_test_keeps_the_last_release_and_fails_the_build(self):
        before = self.run_ok("sql", "select count(*) as n from orders", "--json", cwd=self.shop).json()
        with open(self.shop / "data" / "orders.csv", "a") as orders:
            orders.write("1,c01,2026-06-01T00:00:00Z,5.00,0\n")
        result = self.run_refused(FAILED, "build", cwd=self.shop)
        self.assertIn("unique_orders_order_id", result.out + result.err)
        self.assertEqual(self.run_ok("sql", "select count(*) as n from orders", "--json", cwd=self.shop).json(), before)

    def test_progress_is_plain_lines_without_a_terminal(self):
        result = self.run_ok("build", cwd=self.shop)
        self.assertNotRegex(result.err, r"[\r\x1b]")
        self.assertRegex(result.err, r"(?m)^building tables \.\.\.\n(.*\n)*building tables: \d+, [\d.]+ s$")


class Show(ProjectTest):
    def test_the_plan_is_in_the_order_of_the_build(self):
        steps = self.run_ok("show", "plan", "--json", cwd=self.new_project()).json()["steps"]
        names = [step["name"] for step in steps]
        self.assertLess(names.index("raw.orders"), names.index("orders"))
        self.assertLess(names.index("orders"), names.index("raw.placed"))
        self.assertEqual(steps[-1]["kind"], "publish")
        self.assertRegex(self.run_ok("show", "plan", cwd=self.folder / "shop").out, r"(?m)^table +orders +tables/orders\.sql$")

    def test_the_sql_of_a_view_runs(self):
        shop = self.new_project()
        self.run_ok("build", cwd=shop)
        sql = self.run_ok("show", "sql", "customer_recent", cwd=shop).out
        rows = self.run_ok("sql", sql, "--json", cwd=shop).json()
        self.assertGreater(len(rows), 40)
        self.assertTrue(all(row["customer_recent.orders_1d"] >= 1 for row in rows))
        self.assertTrue(all(row["customer_recent.orders_30d"] >= row["customer_recent.orders_7d"] for row in rows))

    def test_the_sql_of_a_view_gives_what_a_training_set_has(self):
        shop = self.new_project()
        self.run_ok("build", cwd=shop)
        self.run_ok("training-set", "order_returned", "--out", "set.parquet", cwd=shop)
        sql = self.run_ok("show", "sql", "customer_recent", cwd=shop).out
        labels = "labels(\"customer\", t) AS (SELECT customer, ordered_at FROM read_parquet('" + str(shop / "set.parquet") + "')),\nnumbered"
        sql, replaced = re.subn(r'labels\("customer", t\) AS \(.*?\n\),\nnumbered', lambda _: labels, sql, flags=re.S)
        self.assertEqual(replaced, 1)
        by_sql = self.run_ok("sql", sql, "--json", cwd=shop).json()
        trained = self.run_ok("sql", f"select * from read_parquet('{shop}/set.parquet')", "--json", cwd=shop).json()
        self.assertEqual(len(by_sql), len(trained))
        for a, b in zip(by_sql, trained):
            for feature in [name for name in a if name.startswith("customer_recent.")]:
                if isinstance(a[feature], float) and isinstance(b[feature], float):
                    self.assertAlmostEqual(a[feature], b[feature], delta=1e-9 * abs(b[feature]))
                else:
                    self.assertEqual(a[feature], b[feature], feature)

    def test_a_view_that_is_none(self):
        self.assertIn("did you mean 'customer_recent'?", self.run_refused(FAILED, "show", "sql", "customer_recnt", cwd=self.new_project()).err)


if __name__ == "__main__":
    unittest.main()
