"""Every aggregate in every form of window, over awkward events, against the SQL that `show sql` prints, run by DuckDB."""
import unittest

import awkward

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


class Aggregates(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = awkward.project()
        for name, items in {"exact": EXACT, "close": CLOSE, "nested": NESTED}.items():
            (cls.project.root / f"features/{name}.sql").write_text(
                f"{{{{ config(entity='shop', event_time='happened_at', windows={WINDOWS}) }}}}\nselect{items}\nfrom {{{{ source('odd', 'awkward') }}}}\n")
        cls.project.run("build")

    @classmethod
    def tearDownClass(cls):
        cls.project.remove()

    def compare(self, view, exactly):
        self.assertGreater(awkward.compare(self, self.project, view, exactly), 80 * 300)

    def test_exact_aggregates_equal_duckdbs(self):
        self.compare("exact", exactly=True)

    def test_lists_and_maps_equal_duckdbs(self):
        self.compare("nested", exactly=True)

    def test_aggregates_of_inexact_arithmetic_are_close_to_duckdbs(self):
        self.compare("close", exactly=False)


if __name__ == "__main__":
    unittest.main()
