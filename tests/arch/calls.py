#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls, includes and texts that have a home, or none: a table of what, where it may stand, and why."""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tree  # noqa: E402

SOCKETS = ("socket socketpair accept accept4 connect bind listen send recv sendmsg recvmsg sendmmsg recvmmsg sendto recvfrom "
           "setsockopt getsockopt getsockname getpeername getaddrinfo epoll_create1 epoll_ctl epoll_wait epoll_pwait2").split()


def calls(names):
    """A call, not a member of that name nor the end of a longer one."""
    return re.compile(r"(?<![\w.>])(?:%s)\s*\(" % "|".join(names))


# What, where it may stand (prefixes), why.  "code" has no strings, "strings" only those.
RULES = [
    ("code", calls("strcpy strcat sprintf vsprintf strtok gets alloca tmpnam mktemp".split()), [],
     "has no bound or no owner; use cse/base/str.h, buf.h or snprintf"),
    ("code", calls("atoi atol atoll atof".split()), ["tests/"], "does not tell errors; use str_u64 or str_i64"),
    ("code", calls("system popen".split()), ["tests/"], "starts a shell; the product starts no programs"),
    ("code", calls("localtime localtime_r mktime ctime asctime gmtime".split()), [],
     "depends on the place or has a static result; use gmtime_r or stamp.h"),
    ("code", calls("time gettimeofday clock_gettime clock ftime".split()), ["cse/base/clock.c", "tests/", "tools/bench_run.c", "tools/bench_sink.c"],
     "is a second clock; use cse/base/clock.h"),
    ("code", calls("sleep usleep nanosleep clock_nanosleep".split()),
     ["tests/fault/", "tests/lib/", "tests/bench/", "tests/interop/", "tests/flows/"],
     "sleeps; wait for the event, or move the fake clock"),
    ("code", calls("rand srand rand_r random srandom drand48 lrand48 getrandom getentropy arc4random RAND_bytes".split()),
     ["cse/base/rand.c", "tests/"], "is a second source of randomness; use cse/base/rand.h"),
    ("code", calls(SOCKETS), ["cse/base/loop.c", "cse/base/sd.c", "bindings/", "admin/", "agent/", "tools/", "tests/"],
     "is a socket's; sockets are the bindings' and the loop's"),
    ("code", calls(["pthread_once"]), [], "needs an object at file scope; hang the state on a struct"),
    ("strings", re.compile(r"\b(?:SELECT\s.*\bFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|REPLACE\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|"
                           r"CREATE\s+(?:TABLE|INDEX|TRIGGER)|ALTER\s+TABLE|PRAGMA\s+\w+)\b"), ["db/", "tests/"],
     "is SQL; SQL stands in db/ only"),
    ("includes", re.compile(r"<sqlite3\.h>"), ["db/", "tests/"], "is the store's; go through db/store.h"),
    ("includes", re.compile(r"<openssl/[^>]*>"), ["security/", "bindings/", "he/", "agent/", "tools/", "tests/"],
     "is a cipher's; go through security/"),
    ("includes", re.compile(r"<(?:sys/socket|netinet/\w+|arpa/inet|netdb|sys/un|sys/epoll)\.h>"),
     ["cse/base/loop.c", "cse/base/sd.c", "bindings/", "admin/", "agent/", "tools/", "tests/"],
     "is a socket's; sockets are the bindings' and the loop's"),
]


def views(text):
    code = tree.without_strings(text)
    plain = tree.without_comments(text)
    chars = list(tree.blank(plain))
    for m in re.finditer(r'"(?:\\.|[^"\\\n])*"', plain):
        chars[m.start():m.end()] = m[0]
    includes = "\n".join(line if re.match(r"\s*#\s*include", line) else "" for line in plain.split("\n"))
    return {"code": code, "strings": "".join(chars), "includes": includes}


def is_own(code, name):
    """The file has a function of that name for itself."""
    return re.search(r"^static\b[^;{=]*\b%s\s*\(" % re.escape(name), code, re.M)


def check(t):
    for path in t.files():
        seen = views(t.text(path))
        for view, what, homes, why in RULES:
            if path.startswith(tuple(homes)):
                continue
            for m in what.finditer(seen[view]):
                name = m[0].rstrip("( ")
                if view == "code" and is_own(seen[view], name):
                    continue
                yield "%s:%d: %s %s" % (path, tree.line_of(seen[view], m.start()), name, why)


if __name__ == "__main__":
    tree.main(check)
