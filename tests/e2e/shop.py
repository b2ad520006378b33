"""A small project for tests of the whole program: orders of shops, some known later than they happened."""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

BINARY = os.environ["HEADRACE_BINARY"]

FILES = {
    "headrace.yml": "name: shop\n",
    "tables/sources.yml": """
sources:
  - name: raw
    tables:
      - name: orders_csv
        location: data/orders.csv
      - name: weather_csv
        location: data/weather.csv
      - name: orders
        stream: {history: orders_backfill, event_time: happened_at, event_id: order_id, available_at: received_at}
        columns:
          - {name: order_id, data_type: bigint}
          - {name: happened_at, data_type: timestamp}
          - {name: received_at, data_type: timestamp}
          - {name: shop, data_type: varchar}
          - {name: amount, data_type: double}
""",
    "tables/orders_backfill.sql": """
select order_id, happened_at, received_at, shop, amount from {{ source('raw', 'orders_csv') }} order by order_id
""",
    "tables/weather.sql": "select city, seen_at, degrees from {{ source('raw', 'weather_csv') }}",
    "tables/questions.sql": """
select order_id as question_id, happened_at as asked_at, received_at as known_at, shop, 'x' as city, amount as offered,
       cast(amount > 10 and order_id % 3 <> 0 as bigint) as good
from {{ ref('orders_backfill') }}
""",
    "tables/tables.yml": """
models:
  - name: orders_backfill
    columns:
      - {name: order_id, tests: [not_null, unique]}
      - {name: amount, tests: [not_null]}
""",
    "features/shop_recent.sql": """
{{ config(entity='shop', event_time='happened_at', windows=['1h', '1d', 'all']) }}
select count(*) as orders, sum(amount) as total, avg(amount) as mean, min(amount) as low, max(amount) as high,
       count(*) filter (where amount > 10) as big
from {{ source('raw', 'orders') }}
""",
    "features/shop_last.sql": """
{{ config(entity='shop', event_time='happened_at', ttl='12h') }}
select amount, order_id from {{ source('raw', 'orders') }} where amount is not null
""",
    "features/city_weather.sql": """
{{ config(entity='city', event_time='seen_at', delay='1h') }}
select degrees from {{ ref('weather') }}
""",
    "features/offer.sql": """
{{ config(kind='request', request={'offered': 'double'}) }}
select offered, offered - shop_recent.mean_1d as above_mean from request
""",
    "models/good_order.yml": """
name: good_order
task: binary
labels: {table: questions, time: asked_at, label: good, known_at: known_at}
features: [shop_recent.*, shop_last.amount, city_weather.degrees, offer.*]
split: {fractions: [0.6, 0.2, 0.2]}
algorithm: logistic_regression
params: {l2: 1.0}
evaluate: {metrics: [auc, log_loss]}
promote: {alias: champion, when: always}
""",
}


def timestamp(second):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(1_700_000_000 + second))


def write_data(root, orders=1500):
    """Orders over 10 days; a tenth is received up to two hours late; ties in time; weather each 3 hours."""
    chance = random.Random(3)
    data = root / "data"
    data.mkdir(exist_ok=True)
    rows = ["order_id,happened_at,received_at,shop,amount"]
    for order in range(orders):
        second = order * 864_000 // orders // 60 * 60
        late = chance.randrange(7200) if order % 10 == 0 else 0
        amount = round(chance.uniform(-5, 30), 2) if order % 50 else -0.0
        rows.append(f"{order},{timestamp(second)},{timestamp(second + late)},{'abc'[chance.randrange(3)]},{amount}")
    (data / "orders.csv").write_text("\n".join(rows) + "\n")
    weather = ["city,seen_at,degrees"] + [f"x,{timestamp(hour * 10_800)},{chance.uniform(-10, 30):.1f}" for hour in range(80)]
    (data / "weather.csv").write_text("\n".join(weather) + "\n")


class Project:
    """A fresh copy of the project in a temporary folder, with `files` (name -> text) beside its own or in their place."""

    def __init__(self, files=None):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="headrace_shop_"))
        for name, text in (FILES | (files or {})).items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        write_data(self.root)

    def run(self, *arguments, status=0):
        """Runs a command; returns its standard output. `status`: the exit status that is expected."""
        done = subprocess.run([BINARY, "-C", str(self.root), *arguments], capture_output=True, text=True, timeout=300)
        assert done.returncode == status, f"{arguments}: status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if status == 0 else done.stdout + done.stderr

    def json(self, *arguments, status=0):
        text = self.run(*arguments, "--json", status=status)
        try:
            return json.JSONDecoder().raw_decode(text)[0]
        except json.JSONDecodeError:  # a command that failed says why in words
            raise AssertionError(f"{arguments}: no JSON: {text}") from None

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


class Server:
    """`headrace serve` on a free port; ended by its pid. `errors`: what it wrote to standard error, once stopped."""

    def __init__(self, project):
        self.process = subprocess.Popen([BINARY, "-C", str(project.root), "serve", "--port", "0"], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise AssertionError("no server: " + line + self.process.stderr.read())
        self.host, port = line.split("//")[1].strip().rsplit(":", 1)
        self.port = int(port)

    def connect(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def request(self, method, path, body=None, connection=None):
        """One request; returns (status, decoded body)."""
        if connection is None:
            with contextlib.closing(self.connect()) as own:
                return self.request(method, path, body, own)
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection.request(method, path, text)
        answer = connection.getresponse()
        content = answer.read().decode()
        return answer.status, json.loads(content) if content.startswith(("{", "[")) else content

    def post(self, path, body, connection=None, status=200):
        got, answer = self.request("POST", path, body, connection)
        assert got == status, f"{path}: {got} {answer}"
        return answer

    def metric(self, name):
        """The value of a metric without labels."""
        return int(re.search(rf"^{name} (\d+)$", self.request("GET", "/metrics")[1], re.MULTILINE).group(1))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if not self.process.stdout.closed:
            self.errors = self.process.communicate(timeout=60)[1]
        return self.process.returncode
