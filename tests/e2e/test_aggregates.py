"""Every aggregate in every form of window, over awkward events, against the SQL that `show sql` prints, run by DuckDB."""
import math
import random
import re
import unittest

import duckdb

import shop

EXACT = """
  count(*) as n, count(x) as n_x, count(distinct k) as distinct_k, count(distinct name) as distinct_names,
  sum(x) as total, sum(k) as total_k, avg(x) as mean, avg(k) as mean_k, min(x) as low, max(x) as high, min(name) as first_name, max(name) as last_name,
  sum(x) filter (where good) as good_total, bool_and(good) as all_good, bool_or(good) as any_good,
  bit_and(k) as bits_and, bit_or(k) as bits_or, bit_xor(k) as bits_xor,
  mode(name) as usual, mode(k) as usual_k, mode_ratio(name) as usual_share,
  quantile_disc(k, 0.25) as quarter_k, quantile_disc(x, 0.9) as ninth,
  first(x) as first_x, last(x) as last_x, nth_last(name, 2) as before_last, arg_min(name, x) as cheapest, arg_max(name, k) as largest,
  count_days() as days, seconds_since_last() as idle, seconds_since_nth_last(3) as idle_3, regr_count(x, y) as pairs,
  longest_gap() as gap, longest_gap() filter (where good) as good_gap, sessions('6h') as visits, sessions('1d') filter (where k > 0) as long_visits,
  drawdown(x) as fall, drawdown(y) filter (where good) as good_fall,
  sum(m) as total_m, sum(m) filter (where good) as good_m, sum(m) * 1.5 as more_m, sum(m * k) as product_m, min(m) as low_m, max(m) as high_m,
  mode(m) as usual_m, count(distinct m) as distinct_m, first(m) as first_m, last(m) as last_m, nth_last(m, 2) as before_m,
  arg_min(m, x) as cheapest_m, arg_max(name, m) as dearest, quantile_disc(m, 0.25) as quarter_m, sum(g) as total_g, count(*) * 0.5 as half,
  sum(case when m > 0.5 then m else 0 end) as above_m"""
CLOSE = """
  var_samp(x) as v, var_pop(x) as vp, stddev(x) as s, stddev_pop(x) as sp, skewness(x) as skew, kurtosis(x) as kurt,
  covar_samp(x, y) as c, covar_pop(x, y) as cp, corr(x, y) as r, regr_slope(x, y) as slope, regr_intercept(x, y) as intercept,
  regr_r2(x, y) as r2, entropy(name) as spread, product(y) as product, rate(x) as rate,
  median(x) as middle, quantile_cont(x, 0.9) as upper, mad(x) as deviation, ew_avg(y, '12h') as recent, ew_avg(x, '1d') filter (where good) as recent_x,
  avg(m) as mean_m, avg(g) as mean_g, stddev(m) as s_m, corr(m, y) as r_m, median(m) as middle_m, mad(m) as deviation_m, entropy(m) as spread_m"""
NESTED = """
  last(x, 3) as last_x, first(name, 2) as first_names, list_distinct(x) as kinds, list_distinct(name) as names, top_k(k, 2) as top,
  top_k(x, 3) as top_x, count_by(name) as per_name, histogram(k) as per_k, histogram(x) as per_x, ratio_by(name) as shares, sum_by(k, name) as sums_k,
  sum_by(y, name) as sums, avg_by(y, k) as means, min_by_category(k, name) as lows, max_by_category(x, good) as highs,
  count_by(name, 2) as two_names, count_by(k, 2, 'key') as greatest_k, sum_by(y, name, 1) filter (where good) as most, lag(x, 2) as before,
  last(m, 3) as last_m, list_distinct(m) as kinds_m, top_k(m, 2) as top_m, last(m, 2)[1] as older_m,
  last(k, 2)[1] as older, list_sum(last(y, 3)) as lately"""
WINDOWS = "['1d', '2d offset 1d', 'all', '4 rows', '3 rows within 2d', 'week', 'month', 'day in America/Havana', 'hour in America/New_York']"


def number(source, special):
    draw = source.random()
    if draw < 0.1:
        return ""
    if special and draw < 0.13:
        return source.choice(["nan", "inf", "-inf", "-0.0"])
    return repr(source.choice([1.5, -2.25, 100.125, 0.0, source.randrange(-400, 400) / 8]))


def decimal(source, scale, width):
    if source.random() < 0.1:
        return ""
    units = source.choice([0, 5, -5, 125, source.randrange(-10**4, 10**4), source.randrange(-10**width, 10**width)])
    return f"{'-' if units < 0 else ''}{abs(units) // 10**scale}.{abs(units) % 10**scale:0{scale}d}"


def write_events(path):
    source = random.Random(11)
    decimals = random.Random(12)
    with path.open("w") as out:
        out.write("id,happened_at,received_at,shop,x,y,k,name,good,m,g\n")
        for i in range(900):
            happened = source.randrange(0, 14 * 86400, 600)
            late = source.choice([0, 0, 0, 1800, 90000])
            place = source.choice(["a", "b", "c", "d", ""])
            out.write(f"{i},{clock(happened)},{clock(happened + late)},{place},{number(source, place == 'd')},{number(source, False)},"
                      f"{source.choice(['', 0, 1, 7, -3, 2**40])},{source.choice(['', 'ä', 'b', 'bb', 'c'])},{source.choice(['', 'true', 'false'])},"
                      f"{decimal(decimals, 2, 9)},{decimal(decimals, 10, 25)}\n")


def clock(seconds):
    # Clocks in New York and Havana go back on 3 November: an hour comes twice, and a midnight.
    return f"2024-11-{1 + seconds // 86400:02d} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:00"


def agree(ours, theirs, exactly):
    if isinstance(ours, (list, dict)) and isinstance(theirs, (list, dict)):
        if isinstance(ours, dict):
            ours, theirs = list(ours) + list(ours.values()), list(theirs) + list(theirs.values())
        return len(ours) == len(theirs) and all(agree(a, b, exactly) for a, b in zip(ours, theirs))
    if ours is None or theirs is None or isinstance(ours, (str, bool)):
        return ours == theirs
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    return ours == theirs if exactly else math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


class Aggregates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = shop.Project()
        root = cls.project.root
        write_events(root / "data/awkward.csv")
        (root / "tables/awkward.yml").write_text("""
sources:
  - name: odd
    tables:
      - name: awkward_csv
        location: data/awkward.csv
        columns: [{name: m, data_type: "decimal(9,2)"}, {name: g, data_type: "decimal(38,10)"}]
      - name: awkward
        stream: {history: awkward_rows, event_time: happened_at, event_id: id, available_at: received_at}
        columns: [{name: id, data_type: bigint}, {name: happened_at, data_type: timestamp}, {name: received_at, data_type: timestamp},
                  {name: shop, data_type: varchar}, {name: x, data_type: double}, {name: y, data_type: double}, {name: k, data_type: bigint},
                  {name: name, data_type: varchar}, {name: good, data_type: boolean},
                  {name: m, data_type: "decimal(9,2)"}, {name: g, data_type: "decimal(38,10)"}]
""")
        (root / "tables/awkward_rows.sql").write_text("select * from {{ source('odd', 'awkward_csv') }} order by id")
        for name, items in {"exact": EXACT, "close": CLOSE, "nested": NESTED}.items():
            (root / f"features/{name}.sql").write_text(
                f"{{{{ config(entity='shop', event_time='happened_at', windows={WINDOWS}) }}}}\nselect{items}\nfrom {{{{ source('odd', 'awkward') }}}}\n")
        cls.project.run("build")

    @classmethod
    def tearDownClass(cls):
        cls.project.remove()

    def compare(self, view, exactly):
        root = self.project.root
        source = random.Random(5)
        labels = [(source.choice(["a", "b", "c", "d", "", "unknown"]), clock(source.randrange(0, 17 * 86400, 300))) for _ in range(300)]
        (root / "labels.csv").write_text("shop,t\n" + "".join(f'"{shop_name}",{t}\n' for shop_name, t in labels))
        out = root / f"{view}.parquet"
        self.project.run("training-set", "--labels", "labels.csv", "--time", "t", "--features", f"{view}.*", "--out", str(out))
        statement = self.project.run("show", "sql", view)
        rows = f"select shop, t from read_csv('{root}/labels.csv', types={{'shop': 'varchar'}})"
        statement, count = re.subn(r"labels\((.*?)\) AS \(\n.*?\n\)", lambda m: f"labels({m.group(1)}) AS (\n{rows}\n)", statement, count=1, flags=re.S)
        self.assertEqual(count, 1)
        with duckdb.connect(str(root / ".headrace/warehouse.duckdb"), read_only=True) as warehouse:
            theirs = warehouse.execute(statement)
            names = [column[0] for column in theirs.description]
            theirs = theirs.fetchall()
            ours = warehouse.execute(f"select * from '{out}'").fetchall()
        self.assertEqual(len(ours), len(theirs))
        features = [i for i, name in enumerate(names) if name.startswith(view)]
        self.assertGreater(len(features), 80)
        for row, (mine, other) in enumerate(zip(ours, theirs)):
            for i in features:
                self.assertTrue(agree(mine[i], other[i], exactly), f"{names[i]} of {labels[row]}: ours {mine[i]!r}, DuckDB's {other[i]!r}")

    def test_exact_aggregates_equal_duckdbs(self):
        self.compare("exact", exactly=True)

    def test_lists_and_maps_equal_duckdbs(self):
        self.compare("nested", exactly=True)

    def test_aggregates_of_inexact_arithmetic_are_close_to_duckdbs(self):
        self.compare("close", exactly=False)


if __name__ == "__main__":
    unittest.main()
