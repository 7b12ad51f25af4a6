#!/usr/bin/env python3
"""The test of the tester: every rule of lint.py is fed something that breaks its law, alone in a small tree, and must
find it; and the same tree without the break must be clean by that rule. The last line is `N passed, N failed`.
"""

import pathlib
import subprocess
import sys
import tempfile

import lint

GOOD_H = "// What it is.\n#pragma once\n"
GOOD_CPP = "// What it is.\nint lowdim_nothing() { return 0; }\n"

# rule -> [(what is tried, {file: text}, {file: text without the break})]. A file ending in .o or .so holds C++ source
# that is compiled to it.
CASES = {
    "includes": [
        ("core includes a PostgreSQL header", {"src/core/vec/a.h": GOOD_H + '#include "postgres.h"\n'},
         {"src/core/vec/a.h": GOOD_H + "#include <vector>\n"}),
        ("core includes <utils/...>", {"src/core/vec/a.h": GOOD_H + "#include <utils/elog.h>\n"},
         {"src/core/vec/a.h": GOOD_H + "#include <Eigen/Core>\n"}),
        ("core includes paged", {"src/core/vec/a.h": GOOD_H + '#include "paged/store.h"\n'},
         {"src/core/vec/a.h": GOOD_H + '#include "core/base/error.h"\n'}),
        ("paged includes pg", {"src/paged/a.h": GOOD_H + '#include "pg/pg.h"\n'},
         {"src/paged/a.h": GOOD_H + '#include "core/base/arena.h"\n'}),
        ("paged includes Eigen", {"src/paged/a.h": GOOD_H + "#include <Eigen/Core>\n"},
         {"src/paged/a.h": GOOD_H + "#include <span>\n"}),
        ("base includes what stands on it", {"src/core/base/a.h": GOOD_H + '#include "core/vec/wire.h"\n'},
         {"src/core/base/a.h": GOOD_H + '#include "core/base/error.h"\n'}),
        ("a new top folder", {"src/extra/a.h": GOOD_H}, {"src/core/vec/a.h": GOOD_H}),
    ],
    "tokens": [
        ("throw in paged", {"src/paged/a.cpp": "// x\nvoid f() { throw 1; }\n"},
         {"src/paged/a.cpp": '// throw\nconst char* f() { return "throw"; }\n'}),
        ("catch in pg", {"src/pg/a.cpp": "// x\nvoid f() { try { g(); } catch (...) {} }\n"},
         {"src/pg/door.cpp": "// x\nvoid f() { try { g(); } catch (...) {} }\n"}),
        ("std::vector in pg", {"src/pg/types/a.cpp": "// x\nstd::vector<int> v;\n"},
         {"src/pg/types/a.cpp": "// x\nstd::string_view v;\n"}),
        ("std::string in paged", {"src/paged/a.cpp": "// x\nstd::string s;\n"}, {"src/core/vec/a.cpp": "// x\nstd::string s;\n"}),
        ("std::function in paged", {"src/paged/a.h": GOOD_H + "std::function<void()> f;\n"}, {"src/paged/a.h": GOOD_H}),
        ("unique_ptr in pg", {"src/pg/a.h": GOOD_H + "std::unique_ptr<int> p;\n"}, {"src/pg/a.h": GOOD_H}),
        ("Eigen in pg", {"src/pg/a.h": GOOD_H + "Eigen::MatrixXf m;\n"}, {"src/core/vec/a.h": GOOD_H + "Eigen::MatrixXf m;\n"}),
        ("new in paged", {"src/paged/a.cpp": "// x\nint* f() { return new int; }\n"},
         {"src/paged/a.cpp": "// x\nint* f(void* p) { return new (p) int; }\n"}),
    ],
    "pg_try": [("PG_TRY outside the door", {"src/pg/a.cpp": "// x\nvoid f() { PG_TRY(); }\n"},
                {"src/pg/door.cpp": "// x\nvoid f() { PG_TRY(); }\n"})],
    "raise_in_catch": [
        ("ereport in catch", {"src/pg/door.cpp": "// x\nvoid f() { try { g(); } catch (int) { if (x) { ereport(ERROR, 1); } } }\n"},
         {"src/pg/door.cpp": "// x\nvoid f() { try { g(); } catch (int) { x = 1; } ereport(ERROR, 1); }\n"}),
    ],
    "threads": [
        ("std::thread", {"src/core/vec/a.cpp": "// x\nstd::thread t;\n"}, {"src/core/vec/a.cpp": "// std::thread\n"}),
        ("std::async", {"src/core/vec/a.cpp": "// x\nauto t = std::async(f);\n"}, {"src/core/vec/a.cpp": GOOD_CPP}),
        ("OpenMP", {"src/core/vec/a.cpp": "// x\n#pragma omp parallel for\n"}, {"src/core/vec/a.cpp": GOOD_CPP}),
    ],
    "flags": [
        ("-march=native", {"Makefile": "CXXFLAGS += -march=native\n"}, {"Makefile": "# never -march=native\n"}),
        ("-ffast-math", {"CMakeLists.txt": "add_compile_options(-ffast-math)\n"}, {"CMakeLists.txt": "\n"}),
        ("optimize pragma", {"src/core/vec/a.cpp": '// x\n#pragma GCC optimize ("fast-math")\n'}, {"src/core/vec/a.cpp": GOOD_CPP}),
    ],
    "version_ifs": [("a version test", {"src/pg/a.cpp": "// x\n#if PG_VERSION_NUM >= 160000\n#endif\n"},
                     {"src/pg/compat.h": GOOD_H + "#if PG_VERSION_NUM >= 160000\n#endif\n"})],
    "size": [("601 lines", {"src/core/vec/a.cpp": "// x\n" * 601}, {"src/core/vec/a.cpp": "// x\n" * 600})],
    "opening": [
        ("no comment", {"src/core/vec/a.cpp": "int x;\n"}, {"src/core/vec/a.cpp": GOOD_CPP}),
        ("no pragma once", {"src/core/vec/a.h": "// x\nint x();\n"}, {"src/core/vec/a.h": GOOD_H}),
        ("a dumping ground", {"src/core/vec/utils.h": GOOD_H}, {"src/core/vec/a.h": GOOD_H}),
    ],
    "format": [("badly set", {".clang-format": "BasedOnStyle: Google\n", "src/core/vec/a.cpp": "// x\nint  f( ){return 1 ;}\n"},
                {".clang-format": "BasedOnStyle: Google\n", "src/core/vec/a.cpp": "// x\nint f() { return 1; }\n"})],
    "shell": [("an open quote", {"tools/a.sh": "#!/bin/bash\necho 'x\n"}, {"tools/a.sh": "#!/bin/bash\necho 'x'\n"})],
    "leaks": [
        ("a home directory", {"docs/a.md": "see /home/" + "ann/src\n"}, {"docs/a.md": "see src/home/ann\n"}),
        ("a registry", {"docs/a.md": "https://registry." + "corp.example/\n"}, {"docs/a.md": "https://example.org/\n"}),
    ],
    "expected": [
        ("a test without output", {"sql/a.sql": "SELECT 1;\n"}, {"sql/a.sql": "SELECT 1;\n", "expected/a.out": "1\n"}),
        ("an output without test", {"expected/a.out": "1\n"}, {"sql/a.sql": "", "expected/a.out": "", "expected/a_1.out": ""}),
        ("an isolation test without output", {"test/isolation/specs/a.spec": ""},
         {"test/isolation/specs/a.spec": "", "test/isolation/expected/a.out": ""}),
    ],
    "comments": [
        ("a function without comment",
         {"sql/install/1.sql": "CREATE FUNCTION f(vector, int) RETURNS int AS 'MODULE_PATHNAME', 'lowdim_f' LANGUAGE C;\n"},
         {"sql/install/1.sql": "CREATE FUNCTION f(vector, int) RETURNS int AS 'MODULE_PATHNAME', 'lowdim_f' LANGUAGE C;\n"
                               "COMMENT ON FUNCTION f(vector, int) IS 'x';\n"}),
        ("one of two overloads",
         {"sql/install/1.sql": "CREATE FUNCTION f(a) RETURNS int;CREATE FUNCTION f(b) RETURNS int;\nCOMMENT ON FUNCTION f(a) IS 'x';"},
         {"sql/install/1.sql": "CREATE FUNCTION f(a) RETURNS int;COMMENT ON FUNCTION f(a) IS 'x';"}),
        ("a type", {"sql/install/1.sql": "CREATE TYPE v;\nCREATE TYPE v (INPUT = i);\n"},
         {"sql/install/1.sql": "CREATE TYPE v;\nCREATE TYPE v (INPUT = i);\nCOMMENT ON TYPE v IS 'x';\n"}),
        ("an operator", {"sql/install/1.sql": "CREATE OPERATOR <-> (LEFTARG = v);\n"},
         {"sql/install/1.sql": "CREATE OPERATOR <-> (LEFTARG = v);\nCOMMENT ON OPERATOR <->(v, v) IS 'x';\n"}),
        ("a cast", {"sql/install/1.sql": "CREATE CAST (a AS b) WITH INOUT;\n"},
         {"sql/install/1.sql": "CREATE CAST (a AS b) WITH INOUT;\nCOMMENT ON CAST (a  AS b) IS 'x';\n"}),
        ("an operator class", {"sql/install/1.sql": "CREATE OPERATOR CLASS o DEFAULT FOR TYPE v USING btree AS OPERATOR 1 <;\n"},
         {"sql/install/1.sql": "CREATE OPERATOR CLASS o DEFAULT FOR TYPE v USING btree AS OPERATOR 1 <;\n"
                               "COMMENT ON OPERATOR CLASS o USING btree IS 'x';\n"}),
        ("a comment inside a string does not count", {"sql/install/1.sql": "CREATE TYPE v (X = 'COMMENT ON TYPE v');\n"},
         {"sql/install/1.sql": "-- CREATE TYPE v\n"}),
    ],
    "reference": [("a page of another day", {"tools/reference.py": "import sys\nsys.exit('stale')\n"},
                   {"tools/reference.py": "import sys\n"})],
    "sql_symbols": [
        ("SQL names a missing function", {"sql/install/1.sql": "AS 'MODULE_PATHNAME', 'lowdim_f' LANGUAGE C", "lowdim.so": ""},
         {"sql/install/1.sql": "AS 'MODULE_PATHNAME', 'lowdim_f' LANGUAGE C",
          "lowdim.so": 'extern "C" { int lowdim_f() { return 1; } int pg_finfo_lowdim_f() { return 1; } }'}),
        ("no SQL for a function", {"lowdim.so": 'extern "C" int pg_finfo_lowdim_f() { return 1; }'}, {"lowdim.so": ""}),
        ("another visible symbol", {"lowdim.so": "int stray() { return 1; }"}, {"lowdim.so": "static int stray() { return 1; }"}),
        ("not built", {}, {"lowdim.so": ""}),
    ],
    "undefined": [
        ("core calls the server", {"src/core/vec/a.o": 'extern "C" void* palloc(long); void* f() { return palloc(8); }'},
         {"src/core/vec/a.o": "#include <vector>\nvoid f(std::vector<int>& v) { v.push_back(1); }"}),
        ("paged allocates", {"src/paged/a.o": "int* f() { return new int(1); }"}, {"src/paged/a.o": "int f() { return 1; }"}),
        ("paged throws", {"src/paged/a.o": "void f() { throw 1; }"}, {"src/core/vec/a.o": "void f() { throw 1; }"}),
    ],
    "kernels": [
        ("two visible symbols", {"src/core/simd/k_avx2.o": "int a() { return 1; } int b() { return 2; }"},
         {"src/core/simd/k_avx2.o": "namespace { int a() { return 1; } } int b() { return a(); }"}),
        ("an inline function's copy",
         {"src/core/simd/k_avx512.o": "inline __attribute__((noinline)) int a() { return 1; } int b() { return a(); }"},
         {"src/core/simd/k_avx512.o": "int b() { return 1; }"}),
    ],
    "statics": [
        ("a constructor at load time", {"src/core/vec/a.o": "int g(); int x = g();"},
         {"src/core/vec/a.o": "constexpr int g() { return 1; } int x = g();"}),
        ("a destructor at exit", {"src/core/vec/a.o": "struct A { ~A(); }; A& f() { static A a; return a; }"},
         {"src/core/vec/a.o": "int& f() { static int a; return a; }"}),
        ("a thread's destructor", {"src/pg/a.o": "struct A { ~A(); }; A& f() { static thread_local A a; return a; }"},
         {"src/pg/a.o": "int& f() { static thread_local int a; return a; }"}),
        ("a stream's initializer", {"src/pg/a.o": "#include <iostream>\nvoid f() { std::cout << 1; }"},
         {"src/pg/a.o": "#include <cstdio>\nvoid f() { std::puts(\"1\"); }"}),
    ],
}


def found(rule, files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in (".o", ".so"):
                shape = ["-c"] if path.suffix == ".o" else ["-shared", "-fPIC", "-nostartfiles"]
                subprocess.run(["g++", "-std=c++20", "-O1", *shape, "-x", "c++", "-", "-o", str(path)], input=text,
                               text=True, check=True)
            else:
                path.write_text(text)
        return [what for _, _, what in lint.findings(lint.Tree(root), rule)]


def main():
    passed = failed = 0

    def expect(good, what):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print(f"not ok: {what}")

    for rule in lint.RULES:
        expect(rule in CASES, f"{rule} has no test")
        for what, bad, good in CASES.get(rule, []):
            expect(found(rule, bad), f"{rule} does not find: {what}")
            extra = found(rule, good)
            expect(not extra, f"{rule} finds in clean text ({what}): {extra}")
    excused = {"src/pg/a.cpp": "// x\nvoid f() { PG_TRY(); }  // lint: allow(pg_try) because\n"}
    expect(not found("pg_try", excused), "an excuse with a reason counts")
    expect(found("pg_try", {"src/pg/a.cpp": "// x\nvoid f() { PG_TRY(); }  // lint: allow(pg_try)\n"}), "no reason, no excuse")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
