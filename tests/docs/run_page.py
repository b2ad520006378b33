#!/usr/bin/env python3
"""Runs the examples of one page of documentation, from top to bottom, in one fresh project.

Usage: run_page.py PAGE.md      prints what is wrong, `PAGE.md:line: what`; exit status 1 if anything is

The project is what `headrace init shop` makes, or with a first line <!-- project: flights --> that example. In fenced blocks:

  console       lines `$ headrace ...` are run, each must give exit status 0, or 1 where the block is `console fails`. The lines below
                one, if any, are what it prints (of a failing one: also on standard error); `...` stands for anything. Other `$` lines
                are for the reader alone.
                `$ headrace serve ...` runs until the end of the page, on a free port whatever the example says.
  http          a request to that server: `POST /v1/...`, then its body
  json          right after an http block: the answer; the text "..." stands for any value
  sql, yaml     whose first line is a comment with a file name (-- features/a.sql): written into the project, which must still check

Links to files of the repository must lead to one.
"""
import doctest
import json
import pathlib
import re
import shlex
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from headrace_testing import Server, headrace  # noqa: E402

FENCE = re.compile(r"^```(.*)$")
FILE = re.compile(r"^(?:--|#) ((?:[\w.-]+/)*[\w.-]+\.(?:sql|yml))\b")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


class Block:
    def __init__(self, info, line):
        self.info, self.line, self.lines = info.split(), line, []

    @property
    def kind(self):
        return self.info[0] if self.info else ""


def blocks_of(text):
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = FENCE.match(line)
        if fence and block is None:
            block = Block(fence.group(1), number)
        elif fence:
            yield block
            block = None
        elif block is not None:
            block.lines.append(line)


def commands_of(block):
    """(line number, command, expected lines) of each `$` line; a line that ends in a backslash goes on in the next."""
    found, continued = [], False
    for number, line in enumerate(block.lines, block.line + 1):
        if line.startswith("$ "):
            found.append([number, line[2:], []])
        elif continued:
            found[-1][1] = found[-1][1][:-1] + line
        elif found:
            found[-1][2].append(line)
        continued = bool(found) and not found[-1][2] and found[-1][1].endswith("\\")
    return found


def text_matches(wanted, got):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(wanted + "\n", got, flags)


def json_matches(wanted, got):
    if wanted == "...":
        return True
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(json_matches(wanted[key], got[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(json_matches, wanted, got))
    return wanted == got


class Page:
    def __init__(self, path, folder):
        self.path, self.text = path, path.read_text()
        self.project = folder / "shop"
        self.server, self.answer, self.problems = None, None, []
        self.project_is_made = False

    def problem(self, line, what):
        self.problems.append(f"{self.path.name}:{line}: {what}")

    def need_project(self):
        if not self.project_is_made:
            example = re.match(r"<!-- project: (\w+) -->", self.text)
            made = headrace("init", self.project, *(["--example", example.group(1)] if example else []))
            assert made.status == 0, made.err
        self.project_is_made = True

    def run_command(self, line, command, expected, fails):
        self.need_project()
        arguments = shlex.split(command)[1:]
        if arguments[:1] == ["serve"]:
            self.server = Server(self.project)
            return
        result = headrace(*arguments, cwd=self.project)
        if result.status != int(fails):
            return self.problem(line, f"exit status {result.status}\n{result.out}{result.err}")
        got = result.out + (result.err if fails else "")
        if expected and not text_matches("\n".join(expected), got):
            self.problem(line, f"prints something else:\n{got}")

    def run_request(self, block):
        method, target = block.lines[0].split()
        body = "\n".join(block.lines[1:]).strip()
        if self.server is None:
            return self.problem(block.line, "no server runs: the page must have `$ headrace serve` before this")
        self.answer = self.server.request(method, target, json.loads(body) if body else None)
        if self.answer[0] != 200:
            self.problem(block.line, f"the server answers {self.answer}")

    def compare_answer(self, block):
        if self.answer is None:
            return
        if not json_matches(json.loads("\n".join(block.lines)), self.answer[1]):
            self.problem(block.line, f"the answer is another: {json.dumps(self.answer[1])}")

    def write_file(self, block):
        file = FILE.match(block.lines[0]) if block.lines else None
        if not file:
            return
        self.need_project()
        target = self.project / file.group(1)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(block.lines) + "\n")
        checked = headrace("check", cwd=self.project)
        if checked.status != 0:
            self.problem(block.line, f"the project no longer checks:\n{checked.out}{checked.err}")

    def check_links(self):
        for number, line in enumerate(self.text.splitlines(), 1):
            for target in LINK.findall(line):
                if not (self.path.parent / target).exists():
                    self.problem(number, f"the link to {target} leads nowhere")

    def run(self):
        self.check_links()
        for block in blocks_of(self.text):
            if block.kind == "console":
                for line, command, expected in commands_of(block):
                    if command.startswith("headrace "):
                        self.run_command(line, command, expected, "fails" in block.info)
            elif block.kind == "http":
                self.run_request(block)
                continue
            elif block.kind == "json":
                self.compare_answer(block)
            elif block.kind in ("sql", "yaml"):
                self.write_file(block)
            self.answer = None
        return self.problems

    def close(self):
        if self.server is not None:
            self.server.__exit__()


def run_page(path):
    with tempfile.TemporaryDirectory(prefix="headrace-docs-") as folder:
        page = Page(pathlib.Path(path), pathlib.Path(folder))
        try:
            return page.run()
        finally:
            page.close()


def main():
    problems = run_page(sys.argv[1])
    print("\n".join(problems) or "every example holds")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
