"""Random views - expressions, conditions, filters, windows, keys, availability - against the SQL that `show sql` prints, run by DuckDB."""
import random
import unittest

import awkward

SEEDS = range(30, 54)
WINDOWS = ["30m", "1d", "5d", "2d offset 1d", "all", "1 rows", "5 rows", "3 rows within 2d", "day", "week", "hour in America/New_York",
           "day in America/Havana"]


class Writer:
    """Draws a view. What is added up stays below 2^60 and in eighths, so that DuckDB's sums are exact too."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def any_of(self, *forms):
        return self.chance.choice(forms)()

    def number(self, depth=2):
        if depth == 0 or self.chance.random() < 0.3:
            return self.chance.choice(["x", "y", "k", "x", "2", "-0.5", "0"])
        deeper = lambda: self.number(depth - 1)
        return self.any_of(
            lambda: f"({deeper()} + {deeper()})", lambda: f"({deeper()} - {deeper()})", lambda: f"-({deeper()})", lambda: f"abs({deeper()})",
            lambda: f"coalesce({deeper()}, {deeper()})", lambda: f"nullif({deeper()}, {deeper()})", lambda: f"greatest({deeper()}, {deeper()})",
            lambda: f"least({deeper()}, {deeper()})", lambda: f"floor({deeper()})", lambda: f"length({self.text(depth - 1)})",
            lambda: f"case when {self.condition(depth - 1)} then {deeper()} else {deeper()} end", lambda: f"sign({deeper()})",
            lambda: f"try_cast({self.text(depth - 1)} as bigint)", lambda: "dayofweek(happened_at)", lambda: "date_part('hour', happened_at)")

    def text(self, depth=2):
        if depth == 0 or self.chance.random() < 0.4:
            return self.chance.choice(["name", "shop", "'b'", "''"])
        deeper = lambda: self.text(depth - 1)
        return self.any_of(
            lambda: f"upper({deeper()})", lambda: f"({deeper()} || {deeper()})", lambda: f"coalesce({deeper()}, {deeper()})",
            lambda: f"substr({deeper()}, 1, 1)", lambda: f"replace({deeper()}, 'b', 'ü')", lambda: f"concat({deeper()}, {deeper()})",
            lambda: f"case when {self.condition(depth - 1)} then {deeper()} end", lambda: f"cast({self.chance.choice(['k', 'good', 'm'])} as varchar)")

    def condition(self, depth=2):
        if depth == 0 or self.chance.random() < 0.2:
            return self.chance.choice(["good", "x > 0", "k is null", "name = 'b'", "m > 1.25"])
        number, deeper = lambda: self.number(depth - 1), lambda: self.condition(depth - 1)
        compare = self.chance.choice(["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"])
        return self.any_of(
            lambda: f"{number()} {compare} {number()}", lambda: f"({deeper()} and {deeper()})", lambda: f"({deeper()} or {deeper()})",
            lambda: f"not {deeper()}", lambda: f"{number()} between {number()} and {number()}", lambda: f"{number()} in (0, 1, {number()})",
            lambda: f"{self.text(depth - 1)} like '%b%'", lambda: f"{self.text(depth - 1)} {compare} {self.text(depth - 1)}",
            lambda: f"{number()} is not null", lambda: f"starts_with({self.text(depth - 1)}, 'b')", lambda: "g < m")

    def aggregate(self):
        value = lambda: self.any_of(self.number, self.text, self.condition, lambda: "m", lambda: "g")
        call = self.any_of(
            lambda: "count(*)", lambda: f"count({value()})", lambda: f"count(distinct {value()})", lambda: f"sum({self.number()})",
            lambda: "sum(m)", lambda: f"avg({self.number()})", lambda: f"min({value()})", lambda: f"max({value()})",
            lambda: f"mode({value()})", lambda: f"median({self.number()})", lambda: f"quantile_disc({self.number()}, 0.75)",
            lambda: f"first({value()})", lambda: f"last({value()})", lambda: f"nth_last({value()}, 2)", lambda: f"last({value()}, 3)",
            lambda: f"arg_min({value()}, {self.number()})", lambda: f"arg_max({value()}, {value()})", lambda: f"bool_or({self.condition()})",
            lambda: f"bool_and({self.condition()})", lambda: "bit_xor(k)", lambda: "stddev(x)", lambda: "corr(x, y)", lambda: "regr_slope(y, x)",
            lambda: f"count_by({self.text()})", lambda: f"top_k({self.number()}, 2)", lambda: f"list_distinct({self.text()})",
            lambda: f"sum_by(k, {self.text()})", lambda: "longest_gap()", lambda: "seconds_since_last()", lambda: "sessions('4h')",
            lambda: f"entropy({self.text()})", lambda: "count_days()", lambda: f"lag({value()}, 1)")
        return call + (f" filter (where {self.condition()})" if self.chance.random() < 0.3 else "")

    def output(self):
        # Above aggregates only what gives few errors of rounding.
        if self.chance.random() < 0.7:
            return self.aggregate()
        return self.any_of(
            lambda: f"coalesce(sum({self.number()}), 0) - count(*)", lambda: f"case when count(*) > 2 then max({self.number()}) end",
            lambda: f"max({self.number()}) - min({self.number()})", lambda: f"last({self.text()}) = first({self.text()})",
            lambda: f"count(*) filter (where {self.condition()}) / nullif(count(*), 0)", lambda: f"upper(min({self.text()}))")

    def view(self):
        entity = self.chance.choice([["shop"], ["shop"], ["name"], ["k"], ["shop", "name"], ["name", "k"]])
        config = [f"entity={entity}", "event_time='happened_at'"]
        availability = self.chance.choice(["", "", "delay='45m'", "available_at='received_at'"])
        latest = self.chance.random() < 0.2
        if latest:
            outputs = [self.any_of(self.number, self.text, self.condition) for _ in range(4)]
            config += [f"ttl='{self.chance.choice(['6h', '3d'])}'"] if self.chance.random() < 0.5 else []
        else:
            outputs = [self.output() for _ in range(self.chance.randrange(2, 7))]
            config.append(f"windows={self.chance.sample(WINDOWS, self.chance.randrange(1, 4))}")
        config += [availability] if availability else []
        where = f"where {self.condition()}\n" if self.chance.random() < 0.4 else ""
        items = ",\n  ".join(f"{output} as f{i}" for i, output in enumerate(outputs))
        return entity, f"{{{{ config({', '.join(config)}) }}}}\nselect\n  {items}\nfrom {{{{ source('odd', 'awkward') }}}}\n{where}"


class RandomViews(unittest.TestCase):
    def test_each_equals_what_duckdb_makes_of_its_sql(self):
        project = awkward.project()
        self.addCleanup(project.remove)
        entities = {}
        for seed in SEEDS:
            entities[f"drawn_{seed}"], sql = Writer(seed).view()
            (project.root / f"features/drawn_{seed}.sql").write_text(sql)
        project.run("build")
        for view, entity in entities.items():
            with self.subTest((project.root / f"features/{view}.sql").read_text()):
                self.assertGreater(awkward.compare(self, project, view, exactly=False, entity=entity), 0)


if __name__ == "__main__":
    unittest.main()
