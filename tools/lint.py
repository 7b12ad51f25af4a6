#!/usr/bin/env python3
"""The laws of docs/architecture.md that a machine can check.

Each rule is a function `rule_name(tree)` that yields findings, (path, line, what); the docstring is the law. A rule
passes when it yields nothing. Exit status 1 if any rule has a finding; the last line is `N passed, N failed` (rules).
tools/lint_test.py feeds every rule something bad and expects a finding.

A line may be excused with `// lint: allow(<rule>) <reason>`; the reason is mandatory.

usage: lint.py [--root DIR] [--list] [RULE...]
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys

MAX_LINES = 600

# Who may include what. A quoted include names a file below src; a bracketed one is a standard header (no dot) or one
# of the listed. The first matching row decides.
INCLUDE_TABLE = [
    # folder          quoted includes from                     bracketed besides the standard library
    ("src/core/base", ("core/base/",),                         ("immintrin.h",)),
    ("src/core/simd", ("core/base/", "core/simd/"),            ("immintrin.h", "cpuid.h", "xsimd/", "sys/auxv.h")),
    ("src/core",      ("core/",),                              ("Eigen/", "xsimd/")),
    ("src/paged",     ("core/", "paged/"),                     ()),
    ("src/pg",        ("core/", "paged/", "pg/"),              ()),
]
# C's own headers: allowed everywhere.
C_HEADERS = {"math.h", "stddef.h", "stdint.h", "stdlib.h", "string.h", "limits.h", "float.h"}

OWNING = (r"std::(vector|string|basic_string|wstring|unique_ptr|shared_ptr|weak_ptr|function|any|map|multimap|set|"
          r"multiset|unordered_\w+|deque|list|forward_list|queue|priority_queue|stack|\w*stringstream|ostream|ofstream|"
          r"ifstream)\b")
THREADS = (r"std::(thread|jthread|async|mutex|\w+_mutex|lock_guard|unique_lock|scoped_lock|condition_variable\w*|future|"
           r"promise|execution)\b|\bpthread_\w+|#\s*include\s*<(thread|mutex|future|shared_mutex|condition_variable|"
           r"execution|pthread\.h|omp\.h)>|#\s*pragma\s+omp\b|\bomp_\w+\(")
BAD_FLAGS = r"-march=native|-mtune=native|-ffast-math|-Ofast|-funsafe-math-optimizations|-fopenmp"

# Symbols that an object of core or paged may leave undefined beside the C and C++ libraries'.
LINKER_SYMBOLS = {"_GLOBAL_OFFSET_TABLE_", "__dso_handle", "__tls_get_addr", "__ehdr_start"}
# paged owns nothing and throws nothing.
PAGED_BANNED_SYMBOLS = re.compile(r"^(_Znwm|_Znam|_Zn[wa]m.*|_ZdlPv.*|_ZdaPv.*|malloc|calloc|realloc|free|__cxa_throw|"
                                  r"__cxa_allocate_exception|__cxa_begin_catch|_ZSt\d+__throw_.*)$")
# Kernel files may define these besides their one table: the pointer to the exception personality holds no code.
KERNEL_EXTRA_SYMBOLS = {"DW.ref.__gxx_personality_v0"}

# Text that names the machine it was written on.
LEAKS = re.compile(r"(?<![\w.])/(home|Users)/\w+|(?<![\w.$}])/(root|work|workspace|mnt)/\w|"
                   r"\bregistry\.[a-z]+\.|https?://\d+\.\d+\.\d+\.\d+|https?://localhost")


class Tree:
    """The files of a checkout, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.texts = {}

    def files(self, folder, *suffixes):
        base = self.root / folder
        found = sorted(p for p in base.rglob("*") if p.is_file() and (not suffixes or p.suffix in suffixes))
        skip = {"node_modules", "build", "tmp_check", "results", "output_iso"}
        return [p for p in found if not skip & set(p.relative_to(self.root).parts[:-1])]

    def cpp(self, *folders):
        return [p for f in folders for p in self.files(f, ".cpp", ".h")]

    def name(self, path):
        return str(path.relative_to(self.root))

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = path.read_text(errors="replace")
        return self.texts[path]

    def code(self, path):
        """The text with comments and the insides of literals blanked, line numbers kept."""
        key = (path, "code")
        if key not in self.texts:
            self.texts[key] = blank(self.text(path))
        return self.texts[key]

    def excused(self, path, line, rule):
        lines = self.text(path).split("\n")
        return bool(re.search(rf"lint: allow\({re.escape(rule)}\) \S", lines[line - 1])) if line <= len(lines) else False

    def objects(self, *folders):
        return [p for f in folders for p in self.files(f, ".o")]


def blank(text):
    """C++ comments and the contents of string and character literals, replaced by spaces."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'',
                         re.S)

    def spaces(match):
        s = match.group(0)
        if s[0] in "\"'":  # keep the quotes: `#include "x"` is read from the raw text
            return s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]
        return re.sub(r"[^\n]", " ", s)

    return pattern.sub(spaces, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def search(tree, path, pattern, what, text=None):
    text = tree.code(path) if text is None else text
    for m in re.finditer(pattern, text):
        yield path, line_of(text, m.start()), what.format(m.group(0).strip())


def run(*command, **kwargs):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **kwargs)


# --- sources -------------------------------------------------------------------------------------------------------


def rule_includes(tree):
    """Includes follow the arrow pg -> paged -> core, by the table INCLUDE_TABLE."""
    for path in tree.cpp("src"):
        name = tree.name(path)
        row = next((r for r in INCLUDE_TABLE if name.startswith(r[0] + "/")), None)
        if row is None:
            yield path, 1, "a folder that the include table does not know"
            continue
        folder, quoted, bracketed = row
        text = tree.text(path)
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', text, re.M):
            line, target = line_of(text, m.start()), m.group(2)
            if m.group(1) == "<":
                if re.fullmatch(r"[a-z_]+", target) or target in C_HEADERS or folder == "src/pg":
                    if folder == "src/pg" and target.startswith(("Eigen", "xsimd")):
                        yield path, line, f"<{target}> in {folder}: the door's other side"
                    continue
                if not target.startswith(bracketed):
                    yield path, line, f"<{target}> may not be included in {folder}"
            elif target.startswith(("core/", "paged/", "pg/")):
                if not target.startswith(quoted):
                    yield path, line, f'"{target}" may not be included in {folder}'
            elif folder != "src/pg":
                yield path, line, f'"{target}": {folder} includes project files by their path below src, nothing else'


def rule_tokens(tree):
    """paged and pg (the door aside) throw nothing, catch nothing and own nothing; no Eigen there."""
    for path in tree.cpp("src/paged", "src/pg"):
        if tree.name(path).startswith("src/pg/door."):
            continue
        yield from search(tree, path, r"\b(throw|try|catch)\b(?!\s*=)", "`{}` outside core and the door")
        yield from search(tree, path, OWNING, "`{}` owns memory: an error would jump over its destructor")
        yield from search(tree, path, r"\bEigen\b", "Eigen outside core")
        if tree.name(path).startswith("src/paged/"):
            yield from search(tree, path, r"\b(new|delete)\b(?!\s*[;,)]\s*//)(?=\s+[\w:(\[])(?!\s*\()",
                              "`{}`: paged takes memory from an arena")


def rule_pg_try(tree):
    """PG_TRY and its kin only in pg/door.*."""
    for path in tree.cpp("src"):
        if not tree.name(path).startswith("src/pg/door."):
            yield from search(tree, path, r"\bPG_(TRY|CATCH|FINALLY|RE_THROW)\b", "`{}` outside the door")


def rule_raise_in_catch(tree):
    """Nothing raises a PostgreSQL error inside a catch block: the jump would leak the exception."""
    for path in tree.cpp("src", "test"):
        text = tree.code(path)
        for m in re.finditer(r"\bcatch\s*\([^)]*\)\s*\{", text):
            depth, end = 1, m.end()
            while end < len(text) and depth:
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            for bad in re.finditer(r"\b(ereport|elog|raise|CHECK_FOR_INTERRUPTS|pg_re_throw)\s*\(", text[m.end():end]):
                yield path, line_of(text, m.end() + bad.start()), f"`{bad.group(1)}` inside catch"


def rule_threads(tree):
    """One thread: a backend has no other, and PostgreSQL's code is not safe in a second one."""
    for path in tree.cpp("src"):
        yield from search(tree, path, THREADS, "`{}`: no threads in the extension")


def rule_flags(tree):
    """No flag ties the binary to the build machine or changes what floating point means."""
    candidates = [tree.root / n for n in ("Makefile", "CMakeLists.txt")]
    candidates += [p for p in tree.files("tools", ".mk", ".sh")] + [p for p in tree.files("bench") + tree.files("test")
                                                                    if p.name in ("Makefile", "CMakeLists.txt")]
    for path in candidates:
        if path.exists():
            yield from search(tree, path, BAD_FLAGS, "`{}`", re.sub(r"(?m)^\s*#.*$", "", tree.text(path)))
    for path in tree.cpp("src", "bench", "test"):
        yield from search(tree, path, r"#\s*pragma\s+(GCC|clang)\s+(optimize|fp\b).*|__attribute__\s*\(\(\s*optimize.*",
                          "`{}`: changes the meaning of floating point in one place")


def rule_version_ifs(tree):
    """Only src/pg/compat.h asks for PostgreSQL's version."""
    for path in tree.cpp("src", "test"):
        if tree.name(path) != "src/pg/compat.h":
            yield from search(tree, path, r"\bPG_(MAJOR)?VERSION(_NUM)?\b", "`{}` outside src/pg/compat.h")


def rule_size(tree):
    """Files stay under 600 lines."""
    paths = tree.cpp("src", "bench", "test") + tree.files("tools") + tree.files("sql/install", ".sql")
    for path in paths:
        count = tree.text(path).count("\n")
        if count > MAX_LINES:
            yield path, count, f"{count} lines; split it"


def rule_opening(tree):
    """A C++ file opens with a comment that says what it is; a header then has #pragma once."""
    for path in tree.cpp("src", "bench", "test"):
        text = tree.text(path)
        if not text.startswith(("// ", "/* ")):
            yield path, 1, "does not open with a comment"
        if path.suffix == ".h" and "#pragma once" not in text:
            yield path, 1, "no #pragma once"
    dump = re.compile(r"^(util|utils|utility|helper|helpers|common|misc)$")
    for path in tree.cpp("src", "bench", "test"):
        for part in path.relative_to(tree.root).with_suffix("").parts:
            if dump.match(part):
                yield path, 1, f"`{part}` says nothing about what belongs there"


def rule_format(tree):
    """clang-format has nothing to change."""
    paths = tree.cpp("src", "bench", "test")
    tool = shutil.which("clang-format")
    if tool is None:
        yield tree.root / "Makefile", 1, "clang-format is not installed"
        return
    if paths:
        style = f"--style=file:{tree.root}/.clang-format"
        first = {}  # one finding a file is enough
        for m in re.finditer(r"^(.*?):(\d+):\d+: error:", run(tool, style, "--dry-run", "-Werror", *paths).stderr, re.M):
            first.setdefault(m.group(1), int(m.group(2)))
        for name, line in first.items():
            yield pathlib.Path(name), line, "not formatted (make fmt)"


def rule_shell(tree):
    """Shell scripts parse."""
    paths = [p for f in ("tools", "test", "bench", ".ci") for p in tree.files(f)]
    for path in paths:
        first = tree.text(path).split("\n", 1)[0]
        if path.suffix == ".sh" or re.match(r"#!.*\b(ba)?sh$", first):
            result = run("bash", "-n", path)
            if result.returncode != 0:
                yield path, 1, result.stderr.strip().split("\n")[0]


def rule_leaks(tree):
    """No text names the machine or the account that it was written on."""
    listed = run("git", "-C", tree.root, "ls-files", "-co", "--exclude-standard")
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    paths = [tree.root / n for n in names if n] or [p for p in tree.files(".") if ".git" not in p.parts]
    for path in paths:
        if path.name in ("lint.py", "lint_test.py") or not path.is_file() or path.stat().st_size > 1 << 20:
            continue
        if b"\0" not in path.read_bytes()[:4096]:
            yield from search(tree, path, LEAKS, "`{}` names a machine", tree.text(path))


# --- SQL -----------------------------------------------------------------------------------------------------------


def rule_expected(tree):
    """Every SQL and isolation test has an expected output, and every expected output a test."""
    pairs = [("sql", ".sql", "expected"), ("test/isolation/specs", ".spec", "test/isolation/expected")]
    pairs += [(f"test/modules/{p.parent.name}/sql", ".sql", f"test/modules/{p.parent.name}/expected")
              for p in tree.root.glob("test/modules/*/Makefile")]
    for inputs, suffix, outputs in pairs:
        tests = {p.stem: p for p in (tree.root / inputs).glob("*" + suffix) if not p.name.startswith("lowdim--")}
        outs = {re.sub(r"_\d+$", "", p.stem) if re.sub(r"_\d+$", "", p.stem) in tests else p.stem: p
                for p in (tree.root / outputs).glob("*.out")}
        for name in sorted(tests.keys() - outs.keys()):
            yield tests[name], 1, f"no {outputs}/{name}.out"
        for name in sorted(outs.keys() - tests.keys()):
            yield outs[name], 1, f"no {inputs}/{name}{suffix}"


def sql_pieces(tree):
    """(path, text without comments) of the installation script's pieces; text inside literals is kept."""
    for path in tree.files("sql/install", ".sql"):
        text = re.sub(r"'(?:''|[^'])*'|--[^\n]*|/\*.*?\*/",
                      lambda m: m.group(0) if m.group(0)[0] == "'" else re.sub(r"[^\n]", " ", m.group(0)),
                      tree.text(path), flags=re.S)
        yield path, text


def rule_comments(tree):
    """Every object that the installation script creates has a COMMENT ON (counted for each kind and name)."""
    kinds = r"FUNCTION|TYPE|AGGREGATE|OPERATOR\s+CLASS|OPERATOR\s+FAMILY|OPERATOR|CAST|ACCESS\s+METHOD|TABLE|VIEW|PROCEDURE|SCHEMA"
    create = re.compile(rf"\bCREATE\s+(?:OR\s+REPLACE\s+)?({kinds})\s+(\([^)]*\)|[^\s(;]+)", re.I)
    comment = re.compile(rf"\bCOMMENT\s+ON\s+({kinds})\s+(\([^)]*\)|[^\s(;]+)", re.I)
    created, commented, where = {}, {}, {}
    for path, text in sql_pieces(tree):
        text = re.sub(r"'(?:''|[^'])*'", lambda m: "'" + re.sub(r"[^\n]", " ", m.group(0)[1:-1]) + "'", text)
        for pattern, into in ((create, created), (comment, commented)):
            for m in pattern.finditer(text):
                kind = re.sub(r"\s+", " ", m.group(1).upper())
                key = (kind, re.sub(r"\s+", " ", re.sub(r"\s*([(),])\s*", r"\1", m.group(2).lower())))
                into[key] = into.get(key, 0) + 1
                if into is created:
                    where.setdefault(key, (path, line_of(text, m.start())))
                    # `CREATE TYPE x;` announces a type that is created later.
                    if kind == "TYPE" and re.match(r"\s*;", text[m.end():]):
                        into[key] -= 1
    for key, count in created.items():
        missing = count - commented.get(key, 0)
        if missing > 0:
            path, line = where[key]
            yield path, line, f"{missing} of {count} {key[0]} {key[1]} without COMMENT ON"


def rule_sql_symbols(tree):
    """The SQL script names exactly the C functions that the library exports."""
    named = {}
    for path, text in sql_pieces(tree):
        for m in re.finditer(r"'MODULE_PATHNAME'\s*(?:,\s*'(\w+)')?", text):
            if m.group(1) is None:
                yield path, line_of(text, m.start()), "name the C symbol: AS 'MODULE_PATHNAME', 'lowdim_...'"
            else:
                named.setdefault(m.group(1), (path, line_of(text, m.start())))
    library = tree.root / "lowdim.so"
    if not library.exists():
        yield library, 1, "not built"
        return
    listed = run("nm", "-D", "--defined-only", library).stdout.split("\n")
    symbols = {line.split()[-1] for line in listed if line.strip()}
    exported = {s[len("pg_finfo_"):] for s in symbols if s.startswith("pg_finfo_")}
    for symbol in sorted(named.keys() - exported):
        yield *named[symbol], f"the library has no function {symbol}"
    for symbol in sorted(exported - named.keys()):
        yield library, 1, f"no SQL function uses {symbol}"
    # Whatever else is visible may clash with another library's symbol of the same name.
    known = {"Pg_magic_func", "_PG_init", "_init", "_fini"}
    standard = re.compile(r"_Z(Z|TV|TI|TS|GV)?N?K?(St|9__gnu_cxx)")  # visible by libstdc++'s own declaration
    for symbol in sorted(symbols - known):
        if not symbol.startswith(("lowdim", "pg_finfo_lowdim")) and not standard.match(symbol):
            yield library, 1, f"exports {symbol}"


def rule_reference(tree):
    """docs/reference.md says what the comments in sql/install say (tools/reference.py writes it)."""
    script = tree.root / "tools/reference.py"
    result = run(sys.executable, "-B", script, "--check")
    if script.exists() and result.returncode != 0:
        yield tree.root / "docs/reference.md", 1, result.stderr.strip().split("\n")[-1]


# --- objects -------------------------------------------------------------------------------------------------------


def nm(path, *options):
    """[(type, symbol)] of an object file or library."""
    rows = []
    for line in run("nm", *options, path).stdout.split("\n"):
        parts = line.split()
        if len(parts) >= 2:
            rows.append((parts[-2], parts[-1].split("@")[0]))
    return rows


def rule_undefined(tree):
    """Objects of core and paged need nothing but each other and the C and C++ libraries; paged allocates nothing."""
    objects = tree.objects("src/core", "src/paged")
    if not objects:
        yield tree.root / "src/core", 1, "not built"
        return
    known = set(LINKER_SYMBOLS)
    for library in ("libstdc++.so.6", "libc.so.6", "libm.so.6", "libgcc_s.so.1"):
        path = run("g++", f"-print-file-name={library}").stdout.strip()
        known |= {s for _, s in nm(path, "-D", "--defined-only")}
    known |= {s for _, s in nm(run("g++", "-print-libgcc-file-name").stdout.strip(), "--defined-only", "-g")}
    for path in objects:
        known |= {s for _, s in nm(path, "--defined-only")}
    for path in objects:
        for kind, symbol in nm(path, "--undefined-only"):
            if symbol not in known:
                yield path, 1, f"needs {symbol}"
            elif tree.name(path).startswith("src/paged/") and PAGED_BANNED_SYMBOLS.match(symbol):
                yield path, 1, f"paged needs {symbol}"


def rule_kernels(tree):
    """A kernel object of an instruction set defines one visible symbol, its table, and no weak one (the linker could
    keep its copy, full of instructions that the processor may lack, for every caller)."""
    objects = [p for p in tree.objects("src") if re.search(r"_(base|avx2|avx512)$", p.stem)]
    if not objects:
        yield tree.root / "src/core/simd", 1, "no kernel objects built"
    for path in objects:
        rows = nm(path, "--defined-only", "-g", "-C")
        raw = [(k, s) for k, s in nm(path, "--defined-only", "-g") if s not in KERNEL_EXTRA_SYMBOLS]
        strong = [s for k, s in raw if k not in "wWvVu"]
        for kind, symbol in raw:
            if kind in "wWvVu":
                yield path, 1, f"weak symbol {symbol}"
        if len(strong) != 1:
            yield path, 1, f"{len(strong)} visible symbols, one expected: {' '.join(s for _, s in rows) or 'none'}"


def rule_statics(tree):
    """No static of the extension needs code at load or exit time: the compiler would have left some in its object."""
    objects = tree.objects("src")
    if not objects:
        yield tree.root / "src", 1, "not built"
    for path in objects:
        for _, symbol in nm(path):
            if symbol.startswith("_GLOBAL__"):
                yield path, 1, "a static that needs code when the library is loaded"
            elif symbol in ("atexit", "__cxa_atexit", "__cxa_thread_atexit"):
                yield path, 1, f"a static whose destructor runs at exit ({symbol})"


RULES = {n[len("rule_"):]: f for n, f in sorted(globals().items()) if n.startswith("rule_")}


def findings(tree, rule):
    """What a rule finds, the excused lines left out."""
    for path, line, what in RULES[rule](tree):
        path = pathlib.Path(path)
        if not (path.is_file() and path.suffix in (".cpp", ".h") and tree.excused(path, line, rule)):
            yield path, line, what


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=pathlib.Path(__file__).parent.parent)
    parser.add_argument("--list", action="store_true", help="print the rules and their laws")
    parser.add_argument("rules", nargs="*", metavar="RULE")
    args = parser.parse_args()
    if args.list:
        for name, rule in RULES.items():
            print(f"{name:15} {' '.join(rule.__doc__.split())}")
        return 0
    tree = Tree(args.root)
    failed = 0
    chosen = args.rules or list(RULES)
    for rule in chosen:
        found = list(findings(tree, rule))
        failed += bool(found)
        for path, line, what in found:
            where = tree.name(path) if path.is_relative_to(tree.root) else path
            print(f"{where}:{line}: {what} [{rule}]")
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
