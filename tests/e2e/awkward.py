"""A project with a stream of awkward events, and the comparison of a view's features with what DuckDB makes of `show sql`."""
import math
import random
import re

import duckdb

import shop

SOURCE = """
sources:
  - name: odd
    tables:
      - name: awkward_csv
        location: data/awkward.csv
        columns: [{name: m, data_type: "decimal(9,2)"}, {name: g, data_type: "decimal(38,10)"}]
      - name: awkward
        stream: {history: awkward_rows, event_time: happened_at, event_id: id, available_at: received_at}
        columns: [{name: id, data_type: bigint}, {name: happened_at, data_type: timestamp}, {name: received_at, data_type: timestamp},
                  {name: shop, data_type: varchar}, {name: x, data_type: double}, {name: y, data_type: double}, {name: k, data_type: bigint},
                  {name: name, data_type: varchar}, {name: good, data_type: boolean},
                  {name: m, data_type: "decimal(9,2)"}, {name: g, data_type: "decimal(38,10)"}]
"""
KEYS = {"shop": ["a", "b", "c", "d", "", "unknown"], "name": ["ä", "b", "bb", "c", None], "k": [0, 1, 7, -3, 2**40, None]}


def number(source, special):
    draw = source.random()
    if draw < 0.1:
        return ""
    if special and draw < 0.13:
        return source.choice(["nan", "inf", "-inf", "-0.0"])
    return repr(source.choice([1.5, -2.25, 100.125, 0.0, source.randrange(-400, 400) / 8]))


def decimal(source, scale, width):
    if source.random() < 0.1:
        return ""
    units = source.choice([0, 5, -5, 125, source.randrange(-10**4, 10**4), source.randrange(-10**width, 10**width)])
    return f"{'-' if units < 0 else ''}{abs(units) // 10**scale}.{abs(units) % 10**scale:0{scale}d}"


def write_events(path):
    source = random.Random(11)
    decimals = random.Random(12)
    with path.open("w") as out:
        out.write("id,happened_at,received_at,shop,x,y,k,name,good,m,g\n")
        for i in range(900):
            happened = source.randrange(0, 14 * 86400, 600)
            late = source.choice([0, 0, 0, 1800, 90000])
            place = source.choice(["a", "b", "c", "d", ""])
            out.write(f"{i},{clock(happened)},{clock(happened + late)},{place},{number(source, place == 'd')},{number(source, False)},"
                      f"{source.choice(['', 0, 1, 7, -3, 2**40])},{source.choice(['', 'ä', 'b', 'bb', 'c'])},{source.choice(['', 'true', 'false'])},"
                      f"{decimal(decimals, 2, 9)},{decimal(decimals, 10, 25)}\n")


def clock(seconds):
    # Clocks in New York and Havana go back on 3 November: an hour comes twice, and a midnight.
    return f"2024-11-{1 + seconds // 86400:02d} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:00"


def agree(ours, theirs, exactly):
    if isinstance(ours, (list, dict)) and isinstance(theirs, (list, dict)):
        if isinstance(ours, dict):
            ours, theirs = list(ours) + list(ours.values()), list(theirs) + list(theirs.values())
        return len(ours) == len(theirs) and all(agree(a, b, exactly) for a, b in zip(ours, theirs))
    if ours is None or theirs is None or isinstance(ours, (str, bool)):
        return ours == theirs
    if math.isnan(ours) or math.isnan(theirs):
        return math.isnan(ours) and math.isnan(theirs)
    if exactly or not isinstance(ours, float):
        return ours == theirs
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def project():
    """The project, not built yet; views read {{ source('odd', 'awkward') }}."""
    made = shop.Project()
    write_events(made.root / "data/awkward.csv")
    (made.root / "tables/awkward.yml").write_text(SOURCE)
    (made.root / "tables/awkward_rows.sql").write_text("select * from {{ source('odd', 'awkward_csv') }} order by id")
    return made


def quoted(value):
    return "" if value is None else f'"{value}"' if isinstance(value, str) else str(value)


def compare(test, made, view, exactly, entity=("shop",)):
    """Features of random keys and instants: the engine's against DuckDB's answer to `show sql`. Returns how many cells."""
    source = random.Random(5)
    labels = [[quoted(source.choice(KEYS[part])) for part in entity] + [clock(source.randrange(0, 17 * 86400, 300))] for _ in range(300)]
    table = made.root / "labels.csv"
    table.write_text(",".join([*entity, "t"]) + "\n" + "".join(",".join(row) + "\n" for row in labels))
    out = made.root / f"{view}.parquet"
    made.run("training-set", "--labels", "labels.csv", "--time", "t", "--features", f"{view}.*", "--out", str(out))
    statement = made.run("show", "sql", view)
    types = "{" + ", ".join(f"'{part}': '{'bigint' if part == 'k' else 'varchar'}'" for part in entity) + "}"
    rows = f"select {', '.join([*entity, 't'])} from read_csv('{table}', types={types})"
    statement, count = re.subn(r"labels\((.*?)\) AS \(\n.*?\n\)", lambda m: f"labels({m.group(1)}) AS (\n{rows}\n)", statement, count=1, flags=re.S)
    test.assertEqual(count, 1)
    with duckdb.connect(str(made.root / ".headrace/warehouse.duckdb"), read_only=True) as warehouse:
        theirs = warehouse.execute(statement)
        names = [column[0] for column in theirs.description]
        theirs = theirs.fetchall()
        ours = warehouse.execute(f"select * from '{out}'").fetchall()
    test.assertEqual(len(ours), len(theirs))
    features = [i for i, name in enumerate(names) if name.startswith(view + ".")]
    for row, (mine, other) in enumerate(zip(ours, theirs)):
        for i in features:
            test.assertTrue(agree(mine[i], other[i], exactly), f"{names[i]} of {labels[row]}: ours {mine[i]!r}, DuckDB's {other[i]!r}\n{statement}")
    return len(features) * len(ours)
