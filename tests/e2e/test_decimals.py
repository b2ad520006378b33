"""Decimals from the history and the events to the ledger, digit by digit: pushed, read over HTTP, in a model, verified, in training sets."""
import contextlib
import decimal
import json
import time
import unittest

import duckdb

import shop

D = decimal.Decimal
FILES = {
    "tables/paid.yml": """
sources:
  - name: till
    tables:
      - name: paid
        stream: {history: paid_before, event_time: happened_at, event_id: order_id, available_at: received_at}
        columns:
          - {name: order_id, data_type: bigint}
          - {name: happened_at, data_type: timestamp}
          - {name: received_at, data_type: timestamp}
          - {name: shop, data_type: varchar}
          - {name: paid, data_type: "decimal(18,2)"}
          - {name: weight, data_type: "decimal(38,10)"}
          - {name: tariff, data_type: "decimal(4,1)"}
""",
    "tables/paid_before.sql": """
select order_id, happened_at, received_at, shop, cast(amount as decimal(18,2)) as paid, cast(amount as decimal(38,10)) * 3 as weight,
       cast(order_id % 3 as decimal(4,1)) as tariff
from {{ source('raw', 'orders_csv') }} order by order_id
""",
    "features/money.sql": """
{{ config(entity='shop', event_time='happened_at', windows=['1d', 'all']) }}
select sum(paid) as paid, avg(paid) as mean, max(paid) as most, last(paid, 2) as latest, sum(weight) as weight, sum(paid) * 1.1 as taxed
from {{ source('till', 'paid') }}
""",
    "features/by_tariff.sql": """
{{ config(entity='tariff', event_time='happened_at', windows=['all']) }}
select count(*) as orders, sum(paid) as paid from {{ source('till', 'paid') }}
""",
    "features/budget.sql": """
{{ config(kind='request', request={'budget': 'decimal(18,2)'}) }}
select budget - coalesce(money.paid_1d, 0) as rest, budget > money.most_all as enough, round(budget * 0.5, 1) as half from request
""",
    "tables/money_questions.sql": """
select *, cast(question_id * 0.25 as decimal(18,2)) as budget,
       cast(question_id % 3 as decimal(4,1)) as tariff
from {{ ref('questions') }}
""",
    "models/by_money.yml": """
name: by_money
task: binary
labels: {table: money_questions, time: asked_at, label: good, known_at: known_at}
features: [money.paid_1d, money.mean_all, money.most_all, budget.*, by_tariff.orders_all]
split: {fractions: [0.6, 0.2, 0.2]}
algorithm: lightgbm
params: {num_leaves: 7}
promote: {alias: champion, when: always}
""",
}


class Decimals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = shop.Project(FILES)
        cls.project.run("build")
        cls.project.run("train", "by_money")
        cls.server = shop.Server(cls.project)

    @classmethod
    def tearDownClass(cls):
        try:
            assert cls.server.stop() == 0
        finally:
            cls.project.remove()

    def post(self, path, text, status=200):
        with contextlib.closing(self.server.connect()) as connection:
            connection.request("POST", path, text)
            answer = connection.getresponse()
            content = answer.read().decode()
        self.assertEqual(answer.status, status, content)
        return json.loads(content, parse_float=D)

    def push(self, order_id, paid, weight="null", status=200):
        now = int(time.time() * 1e6) - 3_600_000_000
        return self.post("/v1/events/till.paid", f'{{"order_id": {order_id}, "happened_at": {now}, "shop": "n", "paid": {paid}, '
                                                 f'"weight": {weight}, "tariff": 7.5}}', status)

    def test_what_is_pushed_comes_back_digit_by_digit(self):
        self.push(900001, "0.10", "1234567890123456789012345678.0123456789")
        self.push(900002, '"9999999999999999.99"', '"-0.0000000001"')
        self.push(900003, "-1")
        answer = self.post("/v1/features", '{"features": ["money.*", "budget.*"], "entities": {"shop": ["n"]}, "request": {"budget": [12345678901234.56]}}')
        row = dict(zip(answer["names"], answer["rows"][0]))
        self.assertEqual(str(row["money.paid_1d"]), "9999999999999999.09")
        self.assertEqual(str(row["money.most_all"]), "9999999999999999.99")
        self.assertEqual([str(v) for v in row["money.latest_all"]], ["9999999999999999.99", "-1.00"])
        self.assertEqual(str(row["money.weight_all"]), "1234567890123456789012345678.0123456788")
        self.assertEqual(str(row["money.taxed_all"]), "10999999999999998.999")
        self.assertEqual(str(row["budget.rest"]), "-9987654321098764.53")
        self.assertEqual(row["budget.enough"], False)
        self.assertEqual(str(row["budget.half"]), "6172839450617.3")
        answer = self.post("/v1/features", '{"features": ["by_tariff.*"], "entities": {"tariff": [7.5, "7.5", 7, 99.9]}}')
        self.assertEqual([row[0] for row in answer["rows"]], [3, 3, 0, 0])
        answer = self.post("/v1/features", '{"features": ["by_tariff.*"], "entities": {"tariff": [1]}}')
        self.assertEqual(answer["rows"][0][0], 500)

    def test_what_does_not_fit_is_a_bad_row_that_names_column_and_value(self):
        for bad in ["0.125", "12345678901234567.00", '"x"', "true"]:
            message = self.push(900009, bad, status=400)["error"]["message"]
            self.assertIn("paid", message)
            self.assertIn(bad, message)

    def test_predictions_are_verified_and_training_sets_have_decimals(self):
        self.post("/v1/predict/by_money", '{"rows": [{"shop": "a", "budget": 12.25, "tariff": 1}, {"shop": "b", "budget": "0.5", "tariff": 2.0}]}')
        report = self.project.json("verify", "by_money")
        self.assertEqual(report["differences"], 0)
        self.assertGreaterEqual(report["rows"], 2)
        out = self.project.root / "money.parquet"
        self.project.run("training-set", "--labels", "money_questions", "--time", "asked_at", "--features", "money.*,budget.*,by_tariff.*", "--out", str(out))
        types = dict(duckdb.sql(f"select column_name, column_type from (describe from '{out}')").fetchall())
        self.assertEqual(types["money.paid_1d"], "DECIMAL(38,2)")
        self.assertEqual(types["money.most_all"], "DECIMAL(18,2)")
        self.assertEqual(types["money.mean_all"], "DOUBLE")
        self.assertEqual(types["budget.half"], "DECIMAL(18,1)")
        ours, theirs = duckdb.sql(f"""
          select (select "money.paid_1d" from '{out}' where question_id = 700), (select sum(cast(o.amount as decimal(18,2)))
          from '{self.project.root}/data/orders.csv' o, (select happened_at as t, shop from '{self.project.root}/data/orders.csv' where order_id = 700) q
          where o.shop = q.shop and o.happened_at < q.t and o.happened_at >= q.t - interval 1 day and o.received_at <= q.t)""").fetchone()
        self.assertEqual(ours, theirs)

    def test_maps_of_decimals_are_refused_at_their_place(self):
        view = self.project.root / "features/refused.sql"
        view.write_text("{{ config(entity='shop', event_time='happened_at', windows=['1d']) }}\n"
                        "select count_by(paid) as by_paid from {{ source('till', 'paid') }}\n")
        try:
            errors = self.project.run("check", status=1)
        finally:
            view.unlink()
        self.assertIn("features/refused.sql:2:8: count_by of a decimal: there are no maps of decimals", errors)
        self.assertIn("cast it to double", errors)


if __name__ == "__main__":
    unittest.main()
