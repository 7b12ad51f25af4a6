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
    ("PROCEDURE", "Procedures"),
    ("AGGREGATE", "Aggregates"),
    ("TABLE", "Tables"),
    ("VIEW", "Views"),
    ("CAST", "Casts"),
    ("OPERATOR CLASS", "Operator classes"),
]
COMMENT = re.compile(r"^COMMENT ON (" + "|".join(sorted((k for k, _ in KINDS), key=len, reverse=True))
                     + r") (?!CLASS|FAMILY)(.*?) IS\s+'((?:[^']|'')*)';", re.M | re.S)


def returns(sql):
    """What each function gives back, by name and arguments as written, and by name and number of arguments for those
    whose arguments are named."""
    found = {}
    for name, args, result in re.findall(
        r"^CREATE FUNCTION (\w+)\(([^)]*)\)\s+RETURNS (\S.*?)\s+(?:AS '|LANGUAGE sql)", sql, re.M | re.S
    ):
        result = "setof record" if result.startswith("TABLE") else result
        found[f"{name}({args})"] = result
        given = [a for a in args.split(",") if not a.strip().startswith("OUT ")]
        found.setdefault((name, len(given)), result)
    return found


def result_of(results, signature):
    name, args = signature.rstrip(")").split("(")
    return results.get(signature) or results[(name, len(args.split(",")))]


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
            middle = f" `{result_of(results, name)}` |" if kind == "FUNCTION" else ""
            out.append(f"| {cell} |{middle} {text} |")
    page = "\n".join(out) + "\n"
    if "--check" in sys.argv[1:]:
        if not OUT.exists() or OUT.read_text() != page:
            sys.exit("docs/reference.md is not what tools/reference.py writes: run it")
        return
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(page)


main()
