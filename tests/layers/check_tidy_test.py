#!/usr/bin/env python3
"""check_tidy.py finds each kind of violation, and measures functions as a reader would."""
import pathlib
import tempfile
import unittest

import check_tidy

LONG = "  x += 1;\n" * 70


class CheckTidy(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check_tidy.check(pathlib.Path(folder))

    def test_short_code_is_tidy(self):
        self.assertEqual(self.check({"src/a.cc": "int F(int x) {\n  return x;\n}\n"}), [])

    def test_a_long_file(self):
        self.assertIn("src/a.h:1: 601 lines", self.check({"src/a.h": "int x;\n" * 601})[0])

    def test_a_long_file_with_a_reason(self):
        self.assertEqual(self.check({"src/a.h": "// reason for length: a table\n" + "int x;\n" * 601}), [])

    def test_a_long_function_inside_a_class_and_a_namespace(self):
        text = "namespace a {\nclass B {\n  void F(int x) {\n" + LONG + "  }\n};\n}\n"
        self.assertIn("src/a.cc:3: a function of 72 lines", self.check({"src/a.cc": text})[0])

    def test_a_long_function_with_a_reason_above(self):
        self.assertEqual(self.check({"src/a.cc": "// reason for length: one switch\nvoid F(int x) {\n" + LONG + "}\n"}), [])

    def test_braces_in_strings_and_comments_do_not_count(self):
        text = 'void F() {\n  auto a = "}"; auto b = \'}\'; /* } */ // }\n  auto c = R"x(})x"; int n = 1\'000\'000;\n' + LONG + "}\n"
        self.assertEqual(len(self.check({"src/a.cc": text})), 1)

    def test_a_long_class_is_no_function(self):
        self.assertEqual(self.check({"src/a.h": "class A : public B<int(int)> {\n" + "  void F();\n" * 90 + "};\n"}), [])

    def test_a_lambda_argument_is_part_of_its_function(self):
        text = "void F() {\n  Each([](int x) {\n" + LONG + "  });\n}\nvoid G() {\n}\n"
        self.assertIn("src/a.cc:1: a function of 74 lines", self.check({"src/a.cc": text})[0])

    def test_tests_may_be_long(self):
        self.assertEqual(self.check({"src/a_test.cc": "void F(int x) {\n" + LONG + "}\n"}), [])

    def test_words_that_may_not_stay(self):
        words = {"left-over": "TO" + "DO later", "host of a registry": "https://registry." + "example.org/x", "home folder": "/ho" + "me/ann/x"}
        for what, text in words.items():
            self.assertIn(what, self.check({"docs/a.md": "\n" + text + "\n"})[0])


unittest.main()
