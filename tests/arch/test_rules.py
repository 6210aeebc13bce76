#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule can fail: a small tree that keeps all rules, then the same with one violation each."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* A file of a test. */\n"
GUARD = HEAD + "#ifndef %s_H\n#define %s_H\n\n%s\n#endif\n"
HASH = "# SPDX-License-Identifier: Apache-2.0\n"

CLEAN = {
    "tests/arch/layers.txt": "admin ->\ncse/base ->\ndb -> cse/base/\n",
    "tests/arch/parsers.txt": "cse/base/x.c -> x\n",
    "tests/fuzz/fuzz_x.c": HEAD,
    "tests/fuzz/corpus/x/one": "1",
    "tests/fuzz/local.am": HASH + "fuzz_programs += tests/fuzz/fuzz_x\n",
    "tests/unit/base/test_x.c": HEAD + '#include "cse/base/x_priv.h"\n',
    "cse/base/x.h": GUARD % ("BASE_X", "BASE_X", "void x_do(void);\n"),
    "cse/base/x_priv.h": GUARD % ("BASE_X_PRIV", "BASE_X_PRIV", ""),
    "cse/base/x.c": HEAD + '#include "cse/base/x.h"\n\n#include "cse/base/x_priv.h"\n\n#define X_MAGIC 0x12345678u\n\n'
                           "/* time(NULL) in a comment, and system() */\nint x_parse(struct str s)\n{\n\tCHECK(p, X);\n\t"
                           'return b->send("strcpy(a, b); /* SELECT") + p.time(1);\n}\n',
    "doc/reference.md": "| `troth_a_total` | things (many), counted |\n| `troth_b_seconds` | | waiting |\n| `troth_c` | | there now |\n",
    "admin/routes.c": HEAD + "static const struct admin_route routes[] = {\n\t{ HTTP1_POST, \"/v1/x/*\", f },\n};\n",
    "doc/admin-api.yaml": HASH + "paths:\n  /v1/x/{id}:\n    post:\n      operationId: x\n      summary: X\n      responses:\n"
                                 "        \"200\": {description: done}\n",
    "cse/base/stat.def": HEAD + 'STAT(STAT_A, a,\n     "things (many), "\n     "counted")\nTIMES(TIMES_B, b, "", "waiting")\nGAUGE(GAUGE_C, c, "there now")\n',
    "db/y.c": HEAD + '#include <sqlite3.h>\n\n#include "cse/base/x.h"\n\nstatic const char *const q = "SELECT a FROM b";\n',
}

LONG_FUNCTION = "void f(void)\n{\n%s}\n" % ("\tg();\n" * 79)
COPY = "int f(int a)\n{\n%s}\n" % "".join("\ta = step_%d(a);\n" % i for i in range(12))
X = CLEAN["cse/base/x.c"]


def added(code):
    return {"cse/base/x.c": X + code}


# Rule, files that are changed, a part of the complaint.
VIOLATIONS = [
    ("layers", added('#include "db/y.h"\n') | {"db/y.h": GUARD % ("DB_Y", "DB_Y", "")}, "cse/base may not include db/y.h"),
    ("layers", added('#include "x.h"\n'), "not a path from the top"),
    ("layers", {"db/z.c": HEAD + '#include "cse/base/x_priv.h"\n'}, "private to cse/base"),
    ("layers", {"he/z.c": HEAD}, "its folder is not in"),
    ("calls", added("int f(void) { return strcpy(a, b); }\n"), "x.c:15: strcpy has no bound"),
    ("calls", added("int f(void) { return atoi (a); }\n"), "atoi does not tell errors"),
    ("calls", added("int f(void) { return system(a); }\n"), "starts a shell"),
    ("calls", added("static int bind(void)\n{\n\treturn 0;\n}\nint f(void) { return bind(); }\n"), None),
    ("calls", added("int f(void) { return time(NULL); }\n"), "second clock"),
    ("calls", added("int f(void) { return getrandom(a, 1, 0); }\n"), "second source of randomness"),
    ("calls", added("int f(void) { return socket(1, 2, 3); }\n"), "is a socket's"),
    ("calls", added("#include <netinet/in.h>\n"), "is a socket's"),
    ("calls", added("#include <openssl/evp.h>\n"), "is a cipher's"),
    ("calls", added("#include <sqlite3.h>\n"), "is the store's"),
    ("calls", added('const char *f = "DELETE FROM x";\n'), "is SQL"),
    ("calls", added("int f(void) { return usleep(1); }\n"), "sleeps"),
    ("calls", {"tests/unit/base/test_x.c": HEAD + "int f(void) { return sleep(1); }\n"}, "sleeps"),
    ("sizes", added(LONG_FUNCTION), "f has 81 lines"),
    ("sizes", added("int a;\n" * 800), "at most 800"),
    ("magics", added("#define Y_MAGIC 0x12345678\nCHECK(p, Y);\n"), "Y_MAGIC is that of X_MAGIC"),
    ("magics", added("#define Y_MAGIC 0x12345679\n"), "Y_MAGIC is never looked at"),
    ("magics", added("#define Y_MAGIC 7\nCHECK(p, Y);\n"), "should be unlikely"),
    ("words", {"cse/base/z.c": "int a;\n"}, "no SPDX line"),
    ("words", {"cse/base/z.sh": "#!/bin/sh\n"}, "no SPDX line"),
    ("words", {"cse/base/z.c": HEAD.split("\n", 1)[0] + "\nint a;\n"}, "no sentence"),
    ("words", {"cse/base/x.c": HEAD + '#include <stdio.h>\n#include "cse/base/x.h"\n'}, "comes first"),
    ("words", {"cse/base/z.h": HEAD + "int a;\n"}, "no include guard"),
    ("words", {"cse/base/z.h": CLEAN["cse/base/x.h"]}, "the include guard of"),
    ("words", added("/* TODO: more */\n"), "finish it"),
    ("words", added('const char *a = "Not implemented";\n'), "finish it"),
    ("copies", added(COPY) | {"db/z.c": HEAD + COPY.replace("\t", "  ")}, "db/z.c:3: 12 lines as in cse/base/x.c:15"),
    ("documented", {"cse/base/stat.def": HEAD + 'STAT(STAT_A, a, "")\n'}, "has no text"),
    ("documented", {"cse/base/stat.def": HEAD + 'STAT(STAT_C, c, "things counted")\n'}, "is not in doc/reference.md"),
    ("documented", {"cse/base/stat.def": HEAD}, "no rows"),
    ("fuzzed", {"tests/fuzz/fuzz_z.c": HEAD}, "no corpus"),
    ("fuzzed", {"tests/fuzz/fuzz_z.c": HEAD, "tests/fuzz/corpus/z/one": ""}, "is not built"),
    ("fuzzed", {"tests/arch/parsers.txt": CLEAN["tests/arch/parsers.txt"] + "db/y.c -> y\n"}, "no tests/fuzz/fuzz_y.c"),
    ("fuzzed", {"tests/arch/parsers.txt": CLEAN["tests/arch/parsers.txt"] + "db/none.c -> x\n"}, "there is no db/none.c"),
    ("fuzzed", {"db/z.c": HEAD + "int z_parse(struct str s)\n{\n}\n"}, "list the file"),
    ("api", {"admin/routes.c": CLEAN["admin/routes.c"] + "\t{ HTTP1_GET, \"/v1/y\", f },\n"}, "GET /v1/y is not in"),
    ("api", {"doc/admin-api.yaml": CLEAN["doc/admin-api.yaml"].replace("post", "get")}, "GET /v1/x/* is in no row"),
    ("api", {"doc/admin-api.yaml": CLEAN["doc/admin-api.yaml"].replace("summary", "title")}, "has no summary"),
    ("api", {"doc/admin-api.yaml": CLEAN["doc/admin-api.yaml"].replace("200", "404")}, "no answer of success"),
]

STATICS = [
    ("static int counter; int *f(void) { return &counter; }", "counter lies in .bss"),
    ("static int counter = 1; int *f(void) { return &counter; }", "counter lies in .data"),
    ("static _Thread_local int t; int *f(void) { return &t; }", "t lies in .tbss"),
    ("int shared;", "shared lies in .bss"),
    ("static const char *names[] = { \"a\" }; const char **f(void) { return names; }", "names lies in .data"),
    ("static const char *const names[] = { \"a\" }; const char *const *f(void) { return names; }", None),
    ("int f(void) { return 1; }", None),
]


def write(top, files):
    for path, text in files.items():
        path = os.path.join(top, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def run(rule, top):
    env = dict(os.environ, TOP_SRCDIR=top, TOP_BUILDDIR=top)
    done = subprocess.run([sys.executable, os.path.join(HERE, rule + ".py")], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def try_rule(rule, files, expect):
    with tempfile.TemporaryDirectory() as top:
        write(top, CLEAN | files)
        status, said = run(rule, top)
    if expect is None:
        return [] if status == 0 else ["%s refuses what is right: %s" % (rule, said)]
    if status == 1 and expect in said:
        return []
    return ["%s does not say \"%s\" (status %d): %s" % (rule, expect, status, said)]


def try_statics(code, expect):
    with tempfile.TemporaryDirectory() as top:
        write(top, {"Makefile": "CFLAGS = -g\nSAN_CFLAGS =\n", "x.c": code + "\n"})
        os.makedirs(os.path.join(top, "cse"))
        subprocess.run([os.environ.get("CC", "cc").split()[-1], "-fPIE", "-c", "-o", top + "/cse/x.o", top + "/x.c"], check=True)
        status, said = run("statics", top)
    if expect is None:
        return [] if status == 0 else ["statics refuses what is right: " + said]
    return [] if status == 1 and expect in said else ["statics does not say \"%s\": %s" % (expect, said)]


def main():
    failures = []
    for rule in sorted({rule for rule, _, _ in VIOLATIONS}):
        failures += try_rule(rule, {}, None)
    for rule, files, expect in VIOLATIONS:
        failures += try_rule(rule, files, expect)
    for code, expect in STATICS:
        failures += try_statics(code, expect)
    print("\n".join(failures + ["test_rules.py: %d violations tried, %d failures" % (len(VIOLATIONS) + len(STATICS), len(failures))]))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
