#!/usr/bin/env python3
"""Help, wrong use, exit statuses: what needs no project."""
import re
import unittest

from headrace_testing import DONE, FAILED, WRONG_USE, ProjectTest, headrace

COMMANDS = ["init", "check", "build", "sql", "show", "training-set", "train", "models", "serve", "push", "predict", "replay",
            "verify", "state", "export", "backup", "explain"]
NESTED = [("show", "plan"), ("show", "sql"), ("models", "show"), ("models", "alias"), ("models", "rebuild"), ("state", "hash"), ("state", "repair")]


class Help(unittest.TestCase):
    def test_the_overview_names_every_command_with_its_purpose(self):
        overview = headrace("--help")
        self.assertEqual(overview.status, DONE)
        for command in COMMANDS:
            self.assertRegex(overview.out, rf"(?m)^  {command} +\S+", command)

    def test_every_command_has_a_purpose_an_example_and_json(self):
        for command in [(name,) for name in COMMANDS] + NESTED:
            with self.subTest(command=command):
                text = headrace(*command, "--help")
                self.assertEqual((text.status, text.err), (DONE, ""))
                self.assertRegex(text.out.splitlines()[0], r"^[A-Z].+[^.]$")
                self.assertIn("--json", text.out)
                example = text.out.partition("Example:")[2]
                self.assertIn("headrace " + command[0], example)

    def test_examples_of_the_help_are_good_command_lines(self):
        for command in [(name,) for name in COMMANDS] + NESTED:
            for line in headrace(*command, "--help").out.partition("Example:")[2].splitlines():
                for option in re.findall(r" (--[a-z-]+)", line):
                    words = line.split()[1:]
                    own = words[:2] if len(words) > 1 and tuple(words[:2]) in NESTED else words[:1]
                    self.assertIn(option, headrace(*own, "--help").out, line)

    def test_version(self):
        self.assertRegex(headrace("--version").out, r"^headrace \d+\.\d+\.\d+\n$")


class WrongUse(ProjectTest):
    def refused(self, *arguments):
        result = self.run_refused(WRONG_USE, *arguments)
        self.assertEqual(result.out, "")
        self.assertTrue(all(line.startswith("headrace: ") for line in result.err.splitlines()), result.err)
        return result.err

    def test_no_command(self):
        self.assertIn("which command?", self.refused())

    def test_an_unknown_command_gives_the_nearest(self):
        self.assertIn("unknown command 'biuld'; did you mean 'build'?", self.refused("biuld"))

    def test_an_unknown_option_gives_the_nearest(self):
        self.assertIn("unknown option '--formt'; did you mean '--format'?", self.refused("sql", "select 1", "--formt", "csv"))

    def test_an_unknown_option_far_from_all_points_to_the_help(self):
        self.assertIn("see: headrace build --help", self.refused("build", "--zzzzzzzzz"))

    def test_an_unknown_command_below_another(self):
        self.assertIn("unknown command 'plam'; did you mean 'plan'?", self.refused("show", "plam"))

    def test_a_group_alone(self):
        self.assertIn("there are: plan, sql", self.refused("show"))

    def test_a_missing_argument(self):
        self.assertIn("see: headrace train --help", self.refused("train"))

    def test_an_argument_too_many(self):
        self.assertIn("unexpected argument 'b'", self.refused("train", "a", "b"))

    def test_an_argument_may_be_called_like_a_command(self):
        self.assertIn("is no headrace project", self.refused("train", "serve"))

    def test_values_out_of_range(self):
        self.assertIn("--format", self.refused("sql", "select 1", "--format", "xml"))
        self.assertIn("--port", self.refused("serve", "--port", "70000"))

    def test_times_and_vars_that_are_none(self):
        self.assertIn("--from", self.refused("replay", "m", "--from", "yesterday"))
        self.assertIn("after", self.refused("replay", "m", "--from", "2013-12-02", "--to", "2013-12-01"))
        self.assertIn("mapping", self.refused("build", "--vars", "[1, 2]"))

    def test_options_that_need_each_other(self):
        self.assertIn("MODEL", self.refused("training-set", "--out", "a.parquet"))
        self.assertIn("--time", self.refused("training-set", "--labels", "l.csv", "--out", "a.parquet"))
        self.assertIn("write 4GB", self.refused("training-set", "m", "--out", "a.parquet", "--memory", "4 gigs"))
        self.assertIn("write 4GB", self.refused("train", "m", "--memory", "half"))
        self.assertIn("go with --labels", self.refused("training-set", "m", "--time", "t", "--out", "a.parquet"))
        self.assertIn("no pair", self.refused("training-set", "--labels", "l.csv", "--time", "t", "--features", "a.*",
                                              "--entities", "carrier", "--out", "a.parquet"))
        self.assertIn("--row", self.refused("predict", "m"))
        self.assertIn("go together", self.refused("predict", "m", "--file", "a.csv"))
        self.assertIn("--out FILE", self.refused("sql", "select 1", "--format", "parquet"))

    def test_outside_of_a_project(self):
        for command in (["check"], ["build"], ["sql", "select 1"], ["show", "plan"], ["serve"], ["models"], ["verify"], ["state", "hash"],
                        ["backup", "b"]):
            with self.subTest(command=command):
                self.assertIn("headrace.yml", self.refused(*command))

    def test_no_server_runs(self):
        self.run_ok("init", "shop")
        result = self.run_refused(FAILED, "-C", "shop", "predict", "order_returned", "--row", "{}")
        self.assertIn("no server runs", result.err)
        self.assertIn("headrace serve", result.err)

    def test_a_bad_address_of_a_server(self):
        result = self.run_refused(FAILED, "push", "raw.placed", "events.ndjson", "--server", "http://a:b:c/d")
        self.assertIn("http://HOST:PORT", result.err)


if __name__ == "__main__":
    unittest.main()
