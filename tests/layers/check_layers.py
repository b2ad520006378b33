#!/usr/bin/env python3
"""Holds every #include below src/ to src/LAYERS.

Usage: check_layers.py [ROOT]     prints one line per violation, `file:line: what`; exit status 1 if there is any

Refused: a folder that LAYERS has no row for, an include of a folder that the row does not allow, a quoted include of a file that does
not exist, an outside header in a folder that does not own it, and a cycle among the folders, nested ones included.
"""
import collections
import fnmatch
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
SOURCES = {".h", ".hpp", ".cc", ".cpp", ".inc"}


class Layers:
    """The rows of src/LAYERS: `allowed` of each folder, and (globs, folders) of outside headers."""

    def __init__(self, path):
        self.allowed, self.headers, self.problems = {}, [], []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.split("#")[0].strip()
            kind, _, rest = line.partition(" ")
            left, colon, right = rest.partition(":")
            if not line:
                continue
            if not colon or kind not in {"layer", "header"}:
                self.problems.append(f"src/LAYERS:{number}: not a row: {line}")
            elif kind == "header":
                self.headers.append((left.split(), right.split()))
            else:
                folder = left.strip()
                self.problems += [f"src/LAYERS:{number}: {folder} names {other}, which does not stand above it"
                                  for other in right.split() if other not in self.allowed]
                self.allowed[folder] = {folder, *right.split()}

    def folder_of(self, path):
        """The deepest folder with a row that holds `path` (relative to src/), or None."""
        parts = pathlib.PurePosixPath(path).parts[:-1]
        candidates = ("/".join(parts[:n]) for n in range(len(parts), 0, -1))
        return next((c for c in candidates if c in self.allowed), None)

    def owners(self, header):
        """The folders that may include this outside header; None if no row names it."""
        hits = [folders for globs, folders in self.headers if any(fnmatch.fnmatchcase(header, g) for g in globs)]
        return {f for folders in hits for f in folders} if hits else None


def is_standard(header):
    return "/" not in header and "." not in header or header in {"stdint.h", "stddef.h", "string.h", "stdlib.h", "math.h"}


def find_cycle(edges):
    """Some cycle as a list of nodes that starts and ends with the same one, or None."""
    state, trail = {}, []

    def visit(node):
        state[node] = "open"
        trail.append(node)
        for other in sorted(edges.get(node, ())):
            if state.get(other) == "open":
                return trail[trail.index(other):] + [other]
            if other not in state and (cycle := visit(other)):
                return cycle
        state[node] = "done"
        trail.pop()
        return None

    return next((c for node in sorted(edges) if node not in state and (c := visit(node))), None)


def check_ours(layers, folder, target):
    other = layers.folder_of(target)
    if other not in layers.allowed[folder]:
        return f'{folder}/ may not include {other}/ ("{target}")'
    return None


def check_outside(layers, folder, header, quoted):
    owners = layers.owners(header)
    if owners is None and quoted:
        return f'"{header}" is no file below src/ (quoted includes are written from there) and has no row in src/LAYERS'
    if owners is None:
        return None if is_standard(header) else f"<{header}> has no row in src/LAYERS"
    if owners & {"any", folder}:
        return None
    return f"{header} belongs to {', '.join(sorted(owners))}, not to {folder}/"


def check(root):
    """All violations below root/src, as lines of text."""
    src = root / "src"
    layers = Layers(src / "LAYERS")
    problems, edges = list(layers.problems), collections.defaultdict(dict)
    for path in sorted(p for p in src.rglob("*") if p.suffix in SOURCES):
        name = path.relative_to(src).as_posix()
        folder = layers.folder_of(name)
        if folder is None:
            problems.append(f"src/{name}:1: its folder has no row in src/LAYERS")
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if not (hit := INCLUDE.match(line)):
                continue
            quoted, angled = hit.groups()
            ours = bool(quoted) and (src / quoted).is_file()
            problem = check_ours(layers, folder, quoted) if ours else check_outside(layers, folder, quoted or angled, bool(quoted))
            if problem:
                problems.append(f"src/{name}:{number}: {problem}")
            if ours:
                a, b = pathlib.PurePosixPath(name).parent, pathlib.PurePosixPath(quoted).parent
                # A folder and one nested in it form a unit: the interface above, its implementations below.
                if a != b and a not in b.parents and b not in a.parents:
                    edges[str(a)].setdefault(str(b), f"src/{name}:{number}")
    if cycle := find_cycle(edges):
        steps = [f"{a} -> {b} at {edges[a][b]}" for a, b in zip(cycle, cycle[1:])]
        problems.append(f"{edges[cycle[0]][cycle[1]]}: folders form a cycle: {'; '.join(steps)}")
    return problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    problems = check(root)
    print("\n".join(problems) or "every include is as src/LAYERS allows")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
