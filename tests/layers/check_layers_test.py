#!/usr/bin/env python3
"""check_layers.py finds each kind of violation, at its line, and nothing in a clean tree."""
import pathlib
import tempfile
import unittest

import check_layers

LAYERS = """
layer base:
layer kernel: base
layer store: base
header engine.h: store
"""


class CheckLayers(unittest.TestCase):
    def check(self, files, layers=LAYERS):
        with tempfile.TemporaryDirectory() as folder:
            src = pathlib.Path(folder) / "src"
            for name, text in {"LAYERS": layers, "base/time.h": "", **files}.items():
                (src / name).parent.mkdir(parents=True, exist_ok=True)
                (src / name).write_text(text)
            return check_layers.check(pathlib.Path(folder))

    def assert_one(self, problems, start, words):
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(start), problems[0])
        self.assertIn(words, problems[0])

    def test_a_clean_tree_has_no_violation(self):
        self.assertEqual(self.check({"kernel/a.h": '#include <vector>\n#include "base/time.h"\n', "store/s.cc": "#include <engine.h>\n"}), [])

    def test_a_folder_that_is_not_allowed(self):
        files = {"store/s.h": "", "kernel/a.h": '\n#include "store/s.h"\n'}
        self.assert_one(self.check(files), "src/kernel/a.h:2:", "kernel/ may not include store/")

    def test_an_upward_include(self):
        self.assert_one(self.check({"kernel/a.h": "", "base/b.h": '#include "kernel/a.h"\n'}), "src/base/b.h:1:", "base/ may not include kernel/")

    def test_a_quoted_include_that_does_not_exist(self):
        self.assert_one(self.check({"kernel/a.cc": '#include "a.h"\n', "kernel/a.h": ""}), "src/kernel/a.cc:1:", "is no file below src/")

    def test_an_outside_header_in_another_folder(self):
        self.assert_one(self.check({"kernel/a.cc": "#include <engine.h>\n"}), "src/kernel/a.cc:1:", "belongs to store")

    def test_an_outside_header_in_quotes(self):
        self.assertEqual(self.check({"store/a.cc": '#include "engine.h"\n'}), [])
        self.assert_one(self.check({"kernel/a.cc": '#include "engine.h"\n'}), "src/kernel/a.cc:1:", "belongs to store")

    def test_an_outside_header_without_a_row(self):
        self.assert_one(self.check({"kernel/a.cc": "#include <new/thing.h>\n"}), "src/kernel/a.cc:1:", "has no row")

    def test_a_folder_without_a_row(self):
        self.assert_one(self.check({"other/a.cc": ""}), "src/other/a.cc:1:", "no row")

    def test_a_cycle_of_nested_folders(self):
        files = {"store/x/a.h": '#include "store/y/b.h"\n', "store/y/b.h": '#include "store/x/a.h"\n'}
        self.assert_one(self.check(files), "src/store/x/a.h:1:", "cycle: store/x -> store/y")

    def test_a_row_that_names_a_folder_below_it(self):
        self.assert_one(self.check({}, "layer base: kernel\nlayer kernel: base\n"), "src/LAYERS:1:", "does not stand above")


unittest.main()
