"""Bad events beside good ones: kept with the reason, queried, sent again, whenever the server dies."""
import gzip
import json
import threading
import unittest

import shop

EVENTS = "/v1/events/raw.orders"
QUARANTINE = EVENTS + "?on_error=quarantine"
# Events without an id: nothing but the quarantine's own book-keeping keeps a row from being counted twice.
VISITS = """
sources:
  - name: web
    tables:
      - name: visits
        stream:
          event_time: happened_at
          unknown: UNKNOWN
        columns: [{name: happened_at, data_type: timestamp}, {name: page, data_type: varchar}, {name: seconds, data_type: double},
                  {name: page_number, data_type: bigint}]
"""
VIEW = """
{{ config(entity='page', event_time='happened_at', windows=['all']) }}
select count(*) as visits, sum(seconds) as total, sum(cast(page_number + 1 as bigint)) as pages from {{ source('web', 'visits') }}
"""
WEB = "/v1/events/web.visits?on_error=quarantine"


def visit(page):
    return {"happened_at": "2023-11-20T10:00:00Z", "page": page, "seconds": 0.5}


def order(number, amount=5.0, shop_name="q"):
    return {"order_id": number, "happened_at": "2023-11-20T10:00:00Z", "shop": shop_name, "amount": amount}


class Quarantine(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.addCleanup(self.project.remove)
        self.write_visits("error")
        (self.project.root / "features/page_visits.sql").write_text(VIEW)
        self.project.run("build")
        self.server = None
        self.start()

    def tearDown(self):
        self.server.stop()

    def write_visits(self, unknown):
        (self.project.root / "tables/visits.yml").write_text(VISITS.replace("UNKNOWN", unknown))

    def start(self):
        if self.server is not None:
            self.server.kill()
        self.server = shop.Server(self.project)

    def held(self, columns="row_text", where="true"):
        text = self.project.run("sql", f"select {columns} from quarantine.events where {where}", "--json")
        return [tuple(row.values()) if "," in columns else next(iter(row.values())) for row in json.loads(text)]

    def feature(self, name, entity, key):
        return self.server.post("/v1/features", {"features": [name], "entities": {entity: [key]}})["rows"][0][0]

    def test_without_the_parameter_a_bad_row_refuses_its_request(self):
        for path in (EVENTS, EVENTS + "?on_error=refuse"):
            answer = self.server.post(path, [order(1_000_001), order("x")], status=400)
            self.assertIn("row 1, column 'order_id'", answer["error"]["message"])
            self.assertIn('"x"', answer["error"]["message"])
        self.assertEqual(self.held(), [])
        self.assertEqual(self.server.post(EVENTS, order(1_000_001)), {"accepted": 1, "duplicates": 0})
        answer = self.server.post(EVENTS + "?on_error=drop", order(1), status=400)
        self.assertIn("'drop' is neither 'refuse' nor 'quarantine'", answer["error"]["message"])

    def test_good_rows_are_accepted_and_bad_ones_kept_as_sent_over_a_kill(self):
        bad = '{"order_id":  "x",  "amount": 1.50}'
        answer = self.server.post(QUARANTINE, f"[{json.dumps(order(1_000_001))}, {bad}, {json.dumps(order(1_000_001))}]")
        self.assertEqual(answer.pop("errors")[0]["column"], "order_id")
        self.assertEqual(answer, {"accepted": 1, "duplicates": 1, "quarantined": 1})
        self.start()
        self.assertEqual(self.feature("shop_recent.orders_all", "shop", "q"), 1)
        (row,) = self.held("source, row_index, column_name, reason, row_text, as_sent")
        self.assertEqual(row[:3], ("raw.orders", 1, "order_id"))
        self.assertIn("expected a whole number", row[3])
        self.assertEqual(row[4:], (bad, True))
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.held(), [bad])  # without a server, too

    def test_every_form_of_a_body(self):
        answer = self.server.post(QUARANTINE, {"order_id": 1})
        self.assertEqual((answer["accepted"], answer["quarantined"]), (0, 1))
        lines = b'no json\n\n \n' + json.dumps(order(1_000_002)).encode() + b'\n{"shop": "\xe9"}\n'
        for body, headers in ((lines, {}), (gzip.compress(lines.replace(b"1000002", b"1000003")), {"Content-Encoding": "gzip"})):
            connection = self.server.connect()
            connection.request("POST", QUARANTINE, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            connection.close()
            self.assertEqual((response.status, answer["accepted"], answer["quarantined"]), (200, 1, 2), answer)
            self.assertEqual([error["index"] for error in answer["errors"]], [0, 2])
        self.assertEqual(self.server.post(QUARANTINE, "[]"), {"accepted": 0, "duplicates": 0, "quarantined": 0})
        many = self.server.post(QUARANTINE, "\n".join(["x"] * 50))
        self.assertEqual((many["quarantined"], len(many["errors"])), (50, 10))
        self.server.post(QUARANTINE, "x\n" * 100_001, status=429)
        self.start()
        self.assertEqual(self.held(where="row_text <> 'x'"), ['{"order_id": 1}', "no json", '{"shop": "\\xE9"}'] + ["no json", '{"shop": "\\xE9"}'])
        self.assertEqual(self.held("count(*)", "row_text = 'x'"), [50])
        self.assertEqual(self.held("count(*)", "not as_sent"), [2])

    def test_mended_source_takes_each_row_exactly_once_over_kills(self):
        rows = [dict(visit("a"), **({"browser": "x"} if i % 2 else {})) for i in range(3000)]
        answer = self.server.post(WEB, rows)
        self.assertEqual((answer["accepted"], answer["quarantined"]), (1500, 1500))
        self.assertEqual(self.project.json("push", "web.visits", "--quarantined")["quarantined"], 1500)
        self.write_visits("ignore")
        self.project.run("build")
        # Killed while rows are sent again, as often as it takes: a row is in quarantine or counted, never both.
        for delay in (0.005, 0.02, 0.05):
            timer = threading.Timer(delay, self.server.kill)
            timer.start()
            try:
                self.server.post("/v1/quarantine/web.visits", {})
            except (OSError, ValueError, shop.http.client.HTTPException):
                pass  # it was killed in the middle
            timer.join()
            self.server = None
            self.start()
            held = self.held("count(*)")[0]
            self.assertEqual(self.feature("page_visits.visits_all", "page", "a") + held, 3000)
        sent = self.project.json("push", "web.visits", "--quarantined")
        self.assertEqual((sent["accepted"], sent["quarantined"]), (held, 0))
        self.assertEqual(self.project.json("push", "web.visits", "--quarantined")["accepted"], 0)
        self.assertEqual(self.feature("page_visits.visits_all", "page", "a"), 3000)
        self.assertEqual(self.feature("page_visits.total_all", "page", "a"), 1500.0)
        self.assertEqual(self.held(), [])

    def test_two_who_send_the_quarantine_again_at_once_count_each_row_once(self):
        self.server.post(WEB, [dict(visit("b"), browser="x")] * 900)
        self.write_visits("ignore")
        self.project.run("build")
        threads = [threading.Thread(target=self.project.run, args=("push", "web.visits", "--quarantined")) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.feature("page_visits.visits_all", "page", "b"), 900)

    def test_a_row_that_fails_in_a_view_holds_up_no_other(self):
        most = 2**63 - 1
        self.server.post(WEB, dict(visit("d"), page_number=most), status=400)  # a good row, so it is refused as ever
        self.server.post(WEB, [dict(visit("d"), page_number=number, browser="x") for number in (1, most, 2)])
        self.write_visits("ignore")
        self.project.run("build")
        sent = self.project.json("push", "web.visits", "--quarantined")
        self.assertEqual((sent["accepted"], sent["quarantined"]), (2, 1), sent)
        self.assertEqual(self.held("row_index"), [1])
        self.assertEqual(self.feature("page_visits.pages_all", "page", "d"), 5)

    def test_mended_rows_take_the_place_of_those_in_quarantine(self):
        self.server.post(WEB, "\n".join(['{"happened_at": "yesterday", "page": "c"}', "no json"]))
        first, second = self.held("id")
        path = self.project.root / "mended.ndjson"
        path.write_text("\n".join([json.dumps({"id": first, "row": visit("c")}), json.dumps({"id": second, "row": {"page": "c"}}),
                                   json.dumps({"id": "nobody", "row": visit("c")})]))
        sent = self.project.json("push", "web.visits", str(path), "--quarantined")
        self.assertEqual((sent["accepted"], sent["quarantined"], sent["unknown"]), (1, 1, 1))
        self.assertEqual([error["column"] for error in sent["errors"]], ["happened_at"])
        self.start()
        self.assertEqual(self.held("id"), [second])
        self.assertEqual(self.project.json("push", "web.visits", str(path), "--quarantined")["unknown"], 2)
        self.assertEqual(self.feature("page_visits.visits_all", "page", "c"), 1)

    def test_the_command_line_and_the_metrics(self):
        path = self.project.root / "orders.ndjson"
        path.write_text("\n".join([json.dumps(order(1_000_010)), '{"order_id": 1.5}', '{"order_id": true}']) + "\n")
        self.assertIn("row 1, column 'order_id'", self.project.run("push", "raw.orders", str(path), status=1))
        text = self.project.run("push", "raw.orders", str(path), "--on-error", "quarantine")
        self.assertIn("raw.orders: 1 accepted, 0 duplicates, 2 in quarantine", text)
        self.assertIn("row 1, column 'order_id': ", text)
        self.project.run("push", "raw.orders", str(path), "--on-error", "drop", status=2)
        self.project.run("push", "raw.orders", status=2)
        self.project.run("push", "raw.orders", "--quarantined", "--on-error", "refuse", status=2)
        metrics = self.server.request("GET", "/metrics")[1]
        self.assertIn('headrace_events_quarantined_total{source="raw.orders"} 2\n', metrics)
        self.assertIn('headrace_quarantine_rows{source="raw.orders"} 2\n', metrics)
        self.server.post("/v1/quarantine/raw.nothing", {}, status=404)
        self.server.post("/v1/quarantine/raw.orders", {"before": ""}, status=400)


if __name__ == "__main__":
    unittest.main()
