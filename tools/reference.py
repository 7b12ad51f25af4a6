#!/usr/bin/env python3
"""Writes docs/reference.md from the SQL pieces in sql/install: every type, operator, function, aggregate, cast and
operator class with its comment, so that \\df+ and the document say the same. `--check` only compares (make lint)."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "docs" / "reference.md"
KINDS = [
    ("TYPE", "Types"),
    ("OPERATOR", "Operators"),
    ("FUNCTION", "Functions"),
    ("AGGREGATE", "Aggregates"),
    ("CAST", "Casts"),
    ("OPERATOR CLASS", "Operator classes"),
]
COMMENT = re.compile(r"^COMMENT ON (" + "|".join(sorted((k for k, _ in KINDS), key=len, reverse=True))
                     + r") (?!CLASS|FAMILY)(.*?) IS\s+'((?:[^']|'')*)';", re.M | re.S)


def returns(sql):
    """name(arguments) -> result type of every function and aggregate."""
    found = re.findall(r"^CREATE FUNCTION (\S+?\([^)]*\)) RETURNS (\S.*?)\s+AS ", sql, re.M | re.S)
    return dict(found)


def main():
    sql = "\n".join(p.read_text() for p in sorted((ROOT / "sql" / "install").glob("*.sql")))
    results = returns(sql)
    rows = {kind: [] for kind, _ in KINDS}
    for kind, name, text in COMMENT.findall(sql):
        rows[kind].append((name, text.replace("''", "'")))
    out = ["# Reference", "",
           "Written by `tools/reference.py` from the comments in `sql/install`; `\\df+`, `\\do+` and `\\dT+` show the same.",
           "Five-character codes are SQLSTATEs."]
    for kind, title in KINDS:
        out += ["", f"## {title}", "", "| name | meaning |" if kind != "FUNCTION" else "| function | returns | meaning |",
                "| --- | --- |" if kind != "FUNCTION" else "| --- | --- | --- |"]
        for name, text in rows[kind]:
            cell = "`" + name.replace("|", "\\|") + "`"
            middle = f" `{results[name]}` |" if kind == "FUNCTION" else ""
            out.append(f"| {cell} |{middle} {text} |")
    page = "\n".join(out) + "\n"
    if "--check" in sys.argv[1:]:
        if not OUT.exists() or OUT.read_text() != page:
            sys.exit("docs/reference.md is not what tools/reference.py writes: run it")
        return
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(page)


main()
