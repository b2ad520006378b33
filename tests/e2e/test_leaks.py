"""A model whose feature is proven to know the label: refused by every command, unless the recipe allows it; then the version says so."""
import pathlib
import unittest

import shop

VIEW = """{{ config(entity='shop', event_time='asked_at', windows=['1d']) }}
select avg(good) as good_share, count(*) as questions from {{ ref('questions') }}
"""
MODEL = """
name: knows
task: binary
labels: {table: questions, time: asked_at, label: good, known_at: known_at}
features: [shop_recent.orders_1d, shop_asked.*]
split: {fractions: [0.6, 0.2, 0.2]}
algorithm: logistic_regression
promote: {alias: champion, when: always}
"""
LEAK = ("models/knows.yml:5:35: model knows: leak: shop_asked.good_share_1d sees outcomes before they are known: questions.good -> "
        "shop_asked.good_share_1d; a row counts from its event_time 'asked_at' on, which is before known_at 'known_at'")


class Leaks(unittest.TestCase):
    def setUp(self):
        self.project = shop.Project()
        self.project.run("build")
        (self.project.root / "features/shop_asked.sql").write_text(VIEW)
        self.write(MODEL)

    def tearDown(self):
        self.project.remove()

    def write(self, model):
        (self.project.root / "models/knows.yml").write_text(model)

    def test_a_leak_is_refused_by_every_command_that_would_use_it(self):
        documented = (pathlib.Path(__file__).parents[2] / "docs/features.md").read_text()
        self.assertIn(next(line for line in self.project.run("check", status=1).splitlines() if LEAK in line), documented)
        for command in (["check"], ["train", "knows"], ["training-set", "knows", "--out", "set.parquet"], ["build"]):
            with self.subTest(command=command):
                self.assertIn(LEAK, self.project.run(*command, status=1))
        self.assertFalse((self.project.root / "set.parquet").exists())

    def test_an_allowed_leak_is_recorded_with_the_version(self):
        self.write(MODEL + "allow_leak: [shop_asked.good_share_1d]\n")
        self.project.run("check")
        self.project.run("build")
        self.project.run("train", "knows")
        version = self.project.json("models", "show", "knows/1")
        self.assertEqual(version["training_set"]["allow_leak"], ["shop_asked.good_share_1d"])
        self.assertIn('allow_leak    ["shop_asked.good_share_1d"]', self.project.run("models", "show", "knows/1"))

    def test_what_says_when_its_rows_are_known_is_right(self):
        (self.project.root / "features/shop_asked.sql").write_text(VIEW.replace("windows", "available_at='known_at', windows"))
        self.project.run("build")
        self.project.run("train", "knows")
        self.assertEqual(self.project.json("models", "show", "knows/1")["training_set"]["allow_leak"], [])


if __name__ == "__main__":
    unittest.main()
