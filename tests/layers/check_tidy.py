#!/usr/bin/env python3
"""Style that can be measured, as a test.

Usage: check_tidy.py [ROOT]     prints one line per violation, `file:line: what`; exit status 1 if there is any

Below src/: no file over 600 lines and no function over 70 without a line `// reason for length: ...` (for a function: inside it or in
the comment right above it); tests are free of both. In every text file of the repository: no left-over marker, no host of a package
registry, no home folder of some machine. Functions are found by matching braces: good for measuring, not a parser.
"""
import pathlib
import re
import subprocess
import sys

MAX_FILE, MAX_FUNCTION = 600, 70
REASON = "// reason for length:"
LEFTOVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
HOST = re.compile(r"\b(?:pypi|registry|files|proxy|repo\d*|deb|index|static)\.(?:[a-z0-9-]+\.)*(?:org|io|com|net|dev)\b")
HOME = re.compile(r"(?<![\w.$}~])/(?:home|Users|root)/\w")
TYPE = re.compile(r"(?:template\s*<.*>\s*)?(?:inline\s+)?(?:namespace|extern|class|struct|union|enum)\b", re.S)
TOKEN = re.compile(r'R"([^()\s\\]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.M)
SOURCES = {".h", ".hpp", ".cc", ".cpp"}
SKIPPED = {"LICENSE"}


def blank(hit):
    """A string or comment without its content, its lines kept. A digit separator such as 1'000'000 survives as digits."""
    return "\n" * hit.group().count("\n")


def functions(text):
    """Yields (first line, last line) of each outermost function body."""
    code = DIRECTIVE.sub(blank, TOKEN.sub(blank, re.sub(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])", "", text)))
    stack, head, line, head_line, parens = [], "", 1, 1, 0
    for char in code:
        if char == "\n":
            line += 1
        if char in "{};" and parens == 0 or char == "{":
            if char == "{":
                inside = any(kind == "function" for kind, _ in stack)
                is_function = not inside and parens == 0 and "(" in head and not TYPE.match(head.strip())
                stack.append(("function" if is_function else "other", head_line))
            elif char == "}" and stack:
                kind, first = stack.pop()
                if kind == "function":
                    yield first, line
            head = ""
        elif char == "}" and stack:
            stack.pop()
        else:
            parens = max(0, parens + (char == "(") - (char == ")"))
            if not head.strip():
                head_line = line
            head += char


def check_source(name, text):
    lines = text.splitlines()
    if len(lines) > MAX_FILE and REASON not in text:
        yield f"{name}:1: {len(lines)} lines, {MAX_FILE} allowed: split it, or say why in a line '{REASON} ...'"
    for first, last in functions(text):
        above = first - 1
        while above > 0 and lines[above - 1].lstrip().startswith("//"):
            above -= 1
        if last - first + 1 > MAX_FUNCTION and not any(REASON in l for l in lines[above:last]):
            yield f"{name}:{first}: a function of {last - first + 1} lines, {MAX_FUNCTION} allowed: split it, or say why in a line '{REASON} ...'"


def check_words(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in ((LEFTOVER, "left-over"), (HOST, "host of a registry"), (HOME, "somebody's home folder")):
            if hit := pattern.search(line):
                yield f"{name}:{number}: {what}: {hit.group()}"


def repository_files(root):
    """What git tracks or would; without git (a source archive), everything outside build/."""
    try:
        run = subprocess.run(["git", "-C", root, "ls-files", "-zco", "--exclude-standard"], capture_output=True, check=True, text=True)
        return [root / name for name in run.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        return [p for p in root.rglob("*") if p.relative_to(root).parts[0] not in {"build", ".git"}]


def check(root):
    problems = []
    for path in sorted(repository_files(root)):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or path.is_symlink() or path.name in SKIPPED or "__pycache__" in path.parts:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        problems += check_words(name, text)
        if name.startswith("src/") and path.suffix in SOURCES and not path.stem.endswith("_test"):
            problems += check_source(name, text)
    return problems


def main():
    problems = check(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems) or "tidy")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
