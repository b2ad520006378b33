#!/usr/bin/env python3
"""run_page.py finds each kind of example that does not hold."""
import pathlib
import tempfile
import unittest

import run_page


class RunPage(unittest.TestCase):
    def problems(self, text):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(text)
            return run_page.run_page(page)

    def test_an_example_that_holds(self):
        self.assertEqual(self.problems("```console\n$ headrace check\nshop: no errors in ...\n$ cat headrace.yml\nname: shop\n```\n"), [])

    def test_other_output(self):
        self.assertIn("page.md:2: prints something else", self.problems("```console\n$ headrace check\nall is well\n```\n")[0])

    def test_another_exit_status(self):
        self.assertIn("page.md:2: exit status 2", self.problems("```console\n$ headrace chekc\n```\n")[0])
        self.assertIn("page.md:2: exit status 0", self.problems("```console fails\n$ headrace check\n```\n")[0])

    def test_a_file_that_does_not_check(self):
        problems = self.problems("```sql\n-- tables/two.sql\nselect * from {{ ref('nothing') }}\n```\n")
        self.assertIn("page.md:1: the project no longer checks:\ntables/two.sql:2:", problems[0])

    def test_a_link_that_leads_nowhere(self):
        self.assertIn("page.md:2: the link to nowhere.md", self.problems("\nsee [this](nowhere.md)\n")[0])

    def test_a_request_without_a_server(self):
        self.assertIn("no server runs", self.problems("```http\nGET /healthz\n```\n")[0])

    def test_answers_are_compared_as_json(self):
        self.assertTrue(run_page.json_matches({"a": ["...", 1]}, {"a": [2, 1]}))
        self.assertFalse(run_page.json_matches({"a": ["...", 1]}, {"a": [2, 2]}))
        self.assertFalse(run_page.json_matches({"a": 1}, {"a": 1, "b": 2}))


if __name__ == "__main__":
    unittest.main()
