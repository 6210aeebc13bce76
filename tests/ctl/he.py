#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command troth-he by itself: results against plain arithmetic, refusals with their sentences, and that nothing is left behind."""
import json
import os
import pty
import re
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time

SRC = os.path.abspath(os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")))
TOOL = os.path.abspath(os.path.join(os.environ.get("TOP_BUILDDIR", os.getcwd()), "troth-he"))
OK, REFUSED, USAGE, NOFILE = 0, 1, 2, 4
CASES = []


def case(function):
    CASES.append(function)
    return function


def put(name, data):
    with open(name, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode() if isinstance(data, str) else json.dumps(data).encode())
    return name


def get(name):
    with open(name, "rb") as f:
        return f.read()


def run(*args, stdin=None, text=True, **more):
    return subprocess.run([TOOL] + [str(a) for a in args], input=stdin, capture_output=True, text=text, timeout=120, check=False, **more)


def shape():
    """What lies here: files with their times, folders."""
    return {n: os.path.isdir(n) or os.lstat(n).st_mtime_ns for n in os.listdir(".")}


def well(*args, **more):
    r = run(*args, **more)
    assert r.returncode == OK, "%s: %d %s" % (args, r.returncode, r.stderr)
    return r.stdout


def refused(code, words, *args, **more):
    """One sentence, that code, and no file more or less or other than before."""
    before = shape()
    r = run(*args, **more)
    assert r.returncode == code, "%s: %d, not %d: %s" % (args, r.returncode, code, r.stderr)
    assert r.stderr.startswith("troth-he: ") and r.stderr.count("\n") == 1, "%s: %r" % (args, r.stderr)
    assert words in r.stderr, "%s: %r is not in %r" % (args, words, r.stderr)
    assert r.stdout == "", "%s: printed %r" % (args, r.stdout)
    after = shape()
    assert before == after, "%s: %s" % (args, set(before.items()) ^ set(after.items()))


def encrypt(keys, values, out, *more):
    well("encrypt", "--keys", keys, "--out", out, "--force", *more, put("in.json", values))
    return out


def decrypt(keys, name, n, *more):
    return json.loads(well("decrypt", "--keys", keys, "--count", n, "--format", "json", *more, name))


def near(got, want, by):
    assert len(got) == len(want) and all(abs(g - w) <= by for g, w in zip(got, want)), "%s, not %s" % (got, want)


@case
def keys_are_whole():
    """A set of keys comes as a whole, its secret for its owner only, and takes nobody's place unasked."""
    for name in ("sum", "exact", "score", "counter"):
        assert os.path.isdir(name)
        for n in os.listdir(name):
            mode = stat.S_IMODE(os.stat(os.path.join(name, n)).st_mode)
            assert mode == (0o600 if n.startswith("secret.") else 0o644), "%s/%s: %o" % (name, n, mode)
        assert sorted(os.listdir(name + ".eval")) == sorted(n for n in os.listdir(name) if not n.startswith("secret."))
    secret = get("sum/secret.seal")
    refused(NOFILE, "sum/params.seal is there already", "keygen", "--profile", "sum", "--out", "sum")
    refused(NOFILE, "is there already", "keygen", "--profile", "counter", "--out", "sum")
    refused(REFUSED, "is a secret key: --public", "keygen", "--profile", "sum", "--out", "new", "--public", "sum", "--force")
    refused(NOFILE, "new/deep cannot be made", "keygen", "--profile", "sum", "--out", "new/deep")
    refused(NOFILE, "is no folder", "keygen", "--profile", "sum", "--out", put("file", ""))
    refused(USAGE, "none of sum, exact, score, counter", "keygen", "--profile", "all", "--out", "new")
    refused(USAGE, "always CKKS", "keygen", "--profile", "score", "--scheme", "bfv", "--out", "new")
    refused(USAGE, "none of bfv, bgv", "keygen", "--profile", "sum", "--scheme", "x", "--out", "new")
    refused(USAGE, "Paillier", "keygen", "--profile", "counter", "--version", "4.4", "--out", "new")
    refused(REFUSED, "--scheme bfv", "keygen", "--profile", "exact", "--version", "3.7", "--out", "new")
    refused(USAGE, "is the folder of the secret", "keygen", "--profile", "sum", "--out", "new", "--public", "./new")
    refused(USAGE, "is the folder of the secret", "keygen", "--profile", "sum", "--out", "new", "--public", "new", "--force")
    assert get("sum/secret.seal") == secret
    # Security below 128 bits is never taken, and shown as what it is.
    shutil.copytree("sum.eval", "weak")
    data = bytearray(get("weak/params.seal"))
    assert struct.unpack_from("<Q", data, 17)[0] == 2048
    struct.pack_into("<Q", data, 17, 1024)
    put("weak/params.seal", bytes(data))
    refused(REFUSED, "weak/params.seal: the primes are too large for degree 1024", "encrypt", "--keys", "weak", "--out", "never",
            put("in.json", [1]))
    assert "WEAK" in well("inspect", "weak/params.seal")
    # New keys in place of others leave nothing of those; a secret that was readable to all is not any more.
    shutil.copytree("exact", "again")
    os.chmod("again/secret.seal", 0o644)
    well("keygen", "--profile", "sum", "--out", "again", "--force")
    assert sorted(os.listdir("again")) == ["params.seal", "public.seal", "secret.seal"]
    assert stat.S_IMODE(os.stat("again/secret.seal").st_mode) == 0o600


@case
def disk_is_full():
    """What cannot be written whole is not written at all, and what was there stays."""
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
    refused(NOFILE, "cannot be written: File too large", "keygen", "--profile", "exact", "--out", "new", preexec_fn=small)
    secret, folder = get("exact/secret.seal"), sorted(os.listdir("exact"))
    refused(NOFILE, "cannot be written", "keygen", "--profile", "exact", "--out", "exact", "--force", preexec_fn=small)
    assert get("exact/secret.seal") == secret and sorted(os.listdir("exact")) == folder
    encrypt("exact", [1], "full.ct")
    before = get("full.ct")
    refused(NOFILE, "cannot be written", "add", "--keys", "exact", "--out", "full.ct", "--force", "full.ct", preexec_fn=small)
    refused(NOFILE, "cannot be written", "add", "--keys", "exact", "--out", "new.ct", "full.ct", preexec_fn=small)
    assert get("full.ct") == before
    refused(NOFILE, "No space left", "add", "--keys", "exact", "--out", "/dev/full", "full.ct")
    refused(NOFILE, "nowhere/x cannot be written", "add", "--keys", "exact", "--out", "nowhere/x", "full.ct")
    refused(NOFILE, "is a folder", "add", "--keys", "exact", "--out", "exact", "--force", "full.ct")
    for args in (("decrypt", "--keys", "exact", "full.ct"), ("--help",), ("add", "--keys", "exact", "--out", "-", "full.ct")):
        with open("/dev/full", "wb") as full:
            r = subprocess.run([TOOL] + list(args), stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
        assert r.returncode == NOFILE and "standard output: No space left" in r.stderr, "%s: %d %s" % (args, r.returncode, r.stderr)


@case
def interrupted():
    """^C leaves the whole set or no folder."""
    for wait in (0, 0.02, 0.05, 0.1, 0.2, 0.3):
        shutil.rmtree("early", ignore_errors=True)
        with subprocess.Popen([TOOL, "keygen", "--profile", "score", "--out", "early"], stderr=subprocess.DEVNULL) as p:
            time.sleep(wait)
            p.send_signal(signal.SIGINT)
            p.wait(60)
        there = os.listdir("early") if os.path.exists("early") else []
        assert not there or sorted(there) == sorted(os.listdir("score")), there


@case
def links():
    """--force replaces what a link leads to; a secret goes through no link."""
    encrypt("sum", [7], "there.ct")
    os.symlink("there.ct", "link.ct")
    refused(NOFILE, "--force", "add", "--keys", "sum", "--out", "link.ct", "there.ct")
    well("add", "--keys", "sum", "--out", "link.ct", "--force", "there.ct", "there.ct")
    assert os.path.islink("link.ct") and decrypt("sum", "there.ct", 1) == [14]
    os.symlink("nowhere.ct", "dead.ct")
    before = sorted(os.listdir("."))
    r = run("add", "--keys", "sum", "--out", "dead.ct", "--force", "there.ct")
    assert r.returncode == NOFILE and "leads nowhere" in r.stderr and sorted(os.listdir(".")) == before
    os.unlink("dead.ct")
    os.mkdir("trap")
    os.symlink(os.path.abspath("caught"), "trap/secret.seal")
    well("keygen", "--profile", "sum", "--out", "trap", "--force")
    assert not os.path.exists("caught") and not os.path.islink("trap/secret.seal")


@case
def pipes():
    """Standard input and output, and devices, are files too."""
    data = subprocess.run([TOOL, "encrypt", "--keys", "exact", "--out", "-", "-"], input=b"[5,-6]", capture_output=True, timeout=60,
                          check=True).stdout
    r = subprocess.run([TOOL, "decrypt", "--keys", "exact", "--count", "2", "-"], input=data, capture_output=True, timeout=60, check=True)
    assert r.stdout == b"5\n-6\n"
    r = subprocess.run([TOOL, "mean", "--keys", "exact", "--out", "/dev/stdout", "-"], input=data, capture_output=True, timeout=60, check=True)
    assert r.stdout == data and b"--divide 1" in r.stderr


@case
def progress():
    """Only a terminal sees how far a long work is; a complaint there stands on a line of its own."""
    encrypt("sum", [1], "one.ct")
    for args, words in ((("one.ct", "one.ct"), "added 2 of 2"), (("one.ct", "nothing"), "\r\033[Ktroth-he: nothing cannot be read")):
        ours, theirs = pty.openpty()
        with subprocess.Popen([TOOL, "add", "--keys", "sum", "--out", "two.ct", "--force"] + list(args), stderr=theirs) as p:
            p.wait(60)
        os.close(theirs)
        said = os.read(ours, 4096).decode()
        os.close(ours)
        assert words in said, repr(said)
    assert run("add", "--keys", "sum", "--out", "two.ct", "--force", "one.ct", "one.ct").stderr == ""


@case
def command_line():
    for words, args in (
            ("no command \"encode\"", ("encode",)),
            ("there is no such option", ("add", "--nonsense")),
            ("--out needs a value", ("add", "--out")),
            ("add needs --keys DIR", ("add", "--out", "x", "y")),
            ("add needs --out FILE", ("add", "--keys", "sum", "y")),
            ("keygen needs --profile", ("keygen", "--out", "x")),
            ("rotate needs --steps", ("rotate", "--keys", "exact", "--out", "x", "y")),
            ("score needs --weights", ("score", "--keys", "exact", "--out", "x", "y")),
            ("match needs --values", ("match", "--keys", "exact", "--out", "x", "y")),
            ("add has no option --steps", ("add", "--keys", "exact", "--steps", "1", "--out", "x", "y")),
            ("--out is there twice", ("add", "--keys", "exact", "--out", "x", "--out", "z", "y")),
            ("what is z? encrypt takes 1 file", ("encrypt", "--keys", "exact", "--out", "x", "y", "z")),
            ("what is z? multiply takes 2 files", ("multiply", "--keys", "exact", "--out", "x", "y", "y", "z")),
            ("too few files", ("variance", "--keys", "exact", "--out", "x", "y")),
            ("too few files", ("inspect",)),
            ("?[31m", ("\033[31m",))):
        refused(USAGE, words, *args)
    encrypt("exact", [1], "line.ct")
    for words, args in (
            ("--count \"0\"", ("--count", "0")), ("of 1 to 4096", ("--count", "4097")), ("whole number", ("--count", "1.5")),
            ("--count \"nan\"", ("--count", "nan")), ("--decimals \"16\"", ("--decimals", "16")), ("--decimals \"0x1\"", ("--decimals", "0x1")),
            ("--divide \"0\"", ("--divide", "0")), ("--format xml", ("--format", "xml"))):
        refused(USAGE, words, "decrypt", "--keys", "exact", *args, "line.ct")
    refused(USAGE, "whole number", "rotate", "--keys", "exact", "--steps", "1.5", "--out", "x", "line.ct")
    refused(USAGE, "4.0 to 4.4, 3.6 and 3.7", "add", "--keys", "exact", "--version", "4.5", "--out", "x", "line.ct")
    refused(USAGE, "none, zlib, zstd", "add", "--keys", "exact", "--compression", "gz", "--out", "x", "line.ct")
    assert well("--version").split()[0] == "troth-he"
    assert run().returncode == USAGE
    for name in re.findall(r"^  ([a-z]+) ", well("--help").split("\n\noptions")[0], re.M):
        assert well(name, "--help") == well("help", name) and well(name, "--help").startswith("usage: troth-he %s " % name)


@case
def completion():
    """What bash offers: commands, the options of each, profiles, files."""
    script = """. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _troth_he; echo "${COMPREPLY[*]}" """
    env = dict(os.environ, PATH=os.path.dirname(TOOL) + os.pathsep + os.environ["PATH"])
    commands = re.findall(r"^  ([a-z]+) ", well("--help").split("\n\noptions")[0], re.M)
    rotate = {"--help", "--keys", "--steps", "--out", "--version", "--compression", "--force"}
    for line, want in (
            (("",), set(commands) | {"help"}), (("m",), {"mean", "multiply", "match"}), (("help", "co"), {"convert"}),
            (("rotate", "-"), rotate), (("rotate", "--steps", "1", "--k"), {"--keys"}),
            (("keygen", "--profile", ""), {"sum", "exact", "score", "counter"}), (("encrypt", "--version", "3"), {"3.6", "3.7"}),
            (("add", "--keys", "exac"), {"exact", "exact.eval"}), (("inspect", "score/g"), {"score/galois.seal"}), (("rotate", "--steps", ""), set())):
        r = subprocess.run(["bash", "-uc", script, os.path.join(SRC, "etc/completion/troth-he"), "troth-he"] + list(line), capture_output=True,
                           text=True, env=env, timeout=60, check=False)
        assert set(r.stdout.split()) == want and r.stderr == "", "%s: %s %s" % (line, r.stdout, r.stderr)


@case
def inputs():
    """Numbers as they come, and what is none."""
    put("bom.csv", b"\xef\xbb\xbfname;value\r\n\"a;b\";1.25\r\n\r\nc;-2\r\n")
    well("encrypt", "--keys", "score", "--column", "value", "--out", "bom.ct", "bom.csv")
    near(decrypt("score", "bom.ct", 3), [1.25, -2, 0], 0.005)
    for code, words, args, data in (
            (REFUSED, "no number", ("exact",), ""), (REFUSED, "line 1", ("exact",), "nan\n1\n"),
            (REFUSED, "line 2 has too large", ("score",), "1\n1e400\n"), (REFUSED, "too large for these keys", ("score",), "1e300"),
            (REFUSED, "say which one with --column", ("exact",), "1,2"), (REFUSED, "no column \"c\"", ("exact", "--column", "c"), "a,b\n1,2"),
            (REFUSED, "it is empty", ("exact", "--column", "b"), "a,b\n1,\n"), (REFUSED, "number 2 has decimals", ("exact",), "[1, 2.5]"),
            (REFUSED, "number 1 does not fit these keys: -516096 to 516096", ("exact",), "[600000]"),
            (REFUSED, "-5160.96 to 5160.96 do with", ("exact", "--decimals", "2"), "[-5161]"),
            (REFUSED, "more than 4096", ("exact",), list(range(4097))), (REFUSED, "more than 4096", ("score",), list(range(4097))),
            (REFUSED, "more than 2048", ("sum",), list(range(2049))), (REFUSED, "more than 47", ("counter",), list(range(48))),
            (REFUSED, "0 to 4294967295", ("counter",), "[-1]"), (REFUSED, "0 to 4294967295", ("counter",), "[4294967296]"),
            (REFUSED, "has decimals", ("counter",), "[0.5]"), (USAGE, "Paillier", ("counter", "--symmetric"), "[1]"),
            (REFUSED, "UTF-16", ("exact",), "1\n".encode("utf-16"))):
        refused(code, words, "encrypt", "--keys", *args, "--out", "never", put("data", data))
    # A complaint never shows a reading.
    assert "600000" not in run("encrypt", "--keys", "exact", "--out", "never", put("data", "[600000]")).stderr
    refused(NOFILE, "Is a directory", "encrypt", "--keys", "exact", "--out", "never", ".")
    refused(NOFILE, "No such file", "encrypt", "--keys", "exact", "--out", "never", "nothing")
    refused(NOFILE, "more than 16777216 bytes", "encrypt", "--keys", "exact", "--out", "never", "/dev/zero")
    refused(NOFILE, "--keys takes a folder that keygen made", "encrypt", "--keys", "nothing", "--out", "never", "data")
    refused(NOFILE, "the owner's folder", "encrypt", "--keys", "exact.eval", "--symmetric", "--out", "never", "data")
    refused(NOFILE, "the owner's folder", "decrypt", "--keys", "exact.eval", "line.ct")
    edge = [516096, -516096, 0, 1, -1] + [(i * 7919) % 1000 - 500 for i in range(4091)]
    for keys in ("exact", "bfv"):
        for more in ((), ("--symmetric",)):
            assert decrypt(keys, encrypt(keys, edge, "edge.ct", *more), 4096) == edge, keys
    assert decrypt("sum", encrypt("sum", [536846336, -536846336], "edge.ct"), 2) == [536846336, -536846336]
    assert decrypt("exact", encrypt("exact", [21.57, -0.004], "edge.ct", "--decimals", 2), 2, "--decimals", 2) == [21.57, 0]
    assert decrypt("counter", encrypt("counter", [4294967295, 0], "edge.ct"), 3) == [4294967295, 0, 0]
    assert decrypt("counter", encrypt("counter", [2.5], "edge.ct", "--decimals", 1), 1, "--decimals", 1) == [2.5]


@case
def exact_results():
    a, b = [3, -4, 5, 0], [10, 20, -30, 7]
    for keys in ("exact", "bfv"):
        def do(command, *args, keys=keys):
            well(command, "--keys", keys + ".eval", "--out", "r.ct", "--force", *args)
            return "r.ct"
        encrypt(keys, a, "a.ct")
        encrypt(keys, b, "b.ct", "--symmetric")
        assert decrypt(keys, do("add", "a.ct", "b.ct", "a.ct"), 5) == [x + y + x for x, y in zip(a, b)] + [0]
        assert decrypt(keys, do("multiply", "a.ct", "b.ct"), 4) == [x * y for x, y in zip(a, b)]
        assert decrypt(keys, do("rotate", "--steps", 1, "a.ct"), 3) == a[1:]
        assert decrypt(keys, do("rotate", "--steps=-2", "a.ct"), 4) == [0, 0] + a[:2]
        assert decrypt(keys, do("sum", "a.ct"), 3) == [sum(a)] * 3
        near(decrypt(keys, do("mean", "a.ct", "b.ct"), 4, "--divide", 2), [(x + y) / 2 for x, y in zip(a, b)], 1e-6)
        near(decrypt(keys, do("mean", "a.ct"), 4, "--divide", 1), a, 0)
        near(decrypt(keys, do("variance", "a.ct", "b.ct"), 4, "--divide", 4), [(x - y) ** 2 / 4 for x, y in zip(a, b)], 1e-6)
        assert decrypt(keys, do("match", "--values", put("v", [-4]), "a.ct"), 4, "--zeros") == [0, 1, 0, 0]
        assert decrypt(keys, do("match", "--values", put("v", [3, 1, 5]), "a.ct"), 5, "--zeros") == [1, 0, 1, 1, 1]
        assert decrypt(keys, do("score", "--weights", put("w", [2, -1]), "--bias", 4, "a.ct", "b.ct"), 4) == \
            [2 * x - y + 4 for x, y in zip(a, b)]
        assert decrypt(keys, do("score", "--weights", put("w", [0, 3]), "a.ct", "b.ct"), 4) == [3 * y for y in b]
        assert decrypt(keys, do("score", "--weights", put("w", [2]), "--centre", put("c", [1]), "--squared", "--bias", -1, "a.ct"), 4) == \
            [(2 * (x - 1)) ** 2 - 1 for x in a]
        # Decimals of readings and weights: twice as many in the score, which a bias shares.
        encrypt(keys, [1.5, -2.5], "d.ct", "--decimals", 1)
        do("score", "--weights", put("w", [0.5]), "--centre", put("c", [0.2]), "--bias", 2.25, "--decimals", 1, "d.ct")
        near(decrypt(keys, "r.ct", 2, "--decimals", 2), [0.5 * 1.3 + 2.25, 0.5 * -2.7 + 2.25], 1e-9)
        # Products wrap around at the plain modulus, which is said; 0 is left of the budget after two.
        encrypt(keys, [1000], "big.ct")
        assert decrypt(keys, do("multiply", "big.ct", "big.ct"), 1) == [1000000 - 1032193]
        well("multiply", "--keys", keys, "--out", "deep.ct", "--force", "r.ct", "r.ct")
        well("multiply", "--keys", keys, "--out", "deeper.ct", "--force", "deep.ct", "deep.ct")
        refused(REFUSED, "noise budget is used up", "decrypt", "--keys", keys, "deeper.ct")
    encrypt("bfv", [1], "x.ct")
    encrypt("exact", [1], "a.ct")
    refused(REFUSED, "x.ct: made for other parameters", "add", "--keys", "exact", "--out", "never", "a.ct", "x.ct")


@case
def sums():
    a, b = [5, -7], [100, 1]
    encrypt("sum", a, "a.ct")
    encrypt("sum", b, "b.ct", "--symmetric")
    assert os.path.getsize("b.ct") < 17000
    well("add", "--keys", "sum.eval", "--out", "r.ct", "--force", "a.ct", "b.ct")
    assert decrypt("sum", "r.ct", 2) == [105, -6]
    refused(REFUSED, "for sums only", "multiply", "--keys", "sum", "--out", "never", "a.ct", "b.ct")
    refused(REFUSED, "only keys of the profile exact", "match", "--keys", "sum", "--values", put("v", [1]), "--out", "never", "a.ct")
    for command in (("sum",), ("rotate", "--steps", "1"), ("variance", "a.ct"), ("relin",)):
        refused(NOFILE, "keys of the profiles exact or score", *command, "--keys", "sum", "--out", "never", "a.ct")
    refused(REFUSED, "add up to 10000", "add", "--keys", "sum", "--out", "never", *["a.ct"] * 10001)
    encrypt("counter", [1, 2, 4294967295], "c.ct")
    well("add", "--keys", "counter.eval", "--out", "r.ct", "--force", "c.ct", "c.ct", "c.ct")
    assert decrypt("counter", "r.ct", 4) == [3, 6, 3 * 4294967295, 0]
    refused(REFUSED, "can only be added", "mean", "--keys", "counter", "--out", "never", "c.ct")
    refused(NOFILE, "a.ct has more than 768 bytes", "add", "--keys", "counter", "--out", "never", "a.ct")
    refused(REFUSED, "768", "add", "--keys", "counter", "--out", "never", put("short.ct", b"x" * 767))
    refused(REFUSED, "not between 1 and n^2", "add", "--keys", "counter", "--out", "never", put("wild.ct", b"\xff" * 768))


@case
def real_results():
    a, b = [1013.25, -5.5, 0, 3], [990, 7.25, 0, 1]
    encrypt("score", a, "a.ct")
    encrypt("score", b, "b.ct", "--symmetric")

    def do(command, *args):
        well(command, "--keys", "score.eval", "--out", "r.ct", "--force", *args)
        return decrypt("score", "r.ct", 4, "--decimals", 3)
    near(do("add", "a.ct", "b.ct"), [x + y for x, y in zip(a, b)], 0.002)
    near(do("multiply", "a.ct", "b.ct"), [x * y for x, y in zip(a, b)], 0.002)
    near(do("mean", "a.ct", "b.ct"), [(x + y) / 2 for x, y in zip(a, b)], 0.002)
    near(do("variance", "a.ct", "b.ct"), [(x - y) ** 2 / 4 for x, y in zip(a, b)], 0.002)
    near(do("rotate", "--steps", 1, "a.ct"), a[1:] + [0], 0.002)
    near(do("sum", "a.ct"), [sum(a)] * 4, 0.002)
    put("w", [0.5, 0])
    put("c", [1, 2])
    near(do("score", "--weights", "w", "--centre", "c", "--bias", 3, "a.ct", "b.ct"), [0.5 * (x - 1) + 3 for x in a], 0.002)
    near(do("score", "--weights", "w", "--centre", "c", "--squared", "--bias", 3, "a.ct", "b.ct"), [(0.5 * (x - 1)) ** 2 + 3 for x in a], 0.002)
    put("row.csv", "0.5,0.2\n")
    refused(REFUSED, "one number a line", "score", "--keys", "score", "--weights", "row.csv", "--out", "never", "a.ct", "b.ct")
    score = ("score", "--keys", "score", "--out", "never", "--weights")
    refused(REFUSED, "every weight is 0", *score, put("w", [0, 0]), "a.ct", "b.ct")
    refused(REFUSED, "--weights w has 1 number, and there are 2 files", *score, put("w", [1]), "a.ct", "b.ct")
    refused(REFUSED, "--centre c has 2 numbers, and there is 1 file", *score, put("w", [1]), "--centre", "c", "a.ct")
    refused(USAGE, "--bias \"x\"", *score, "w", "--bias", "x", "a.ct")
    refused(REFUSED, "only keys of the profile exact", "match", "--keys", "score", "--values", "w", "--out", "never", "a.ct")
    # Levels run out with a sentence; what does not fit is not shown as a number.
    well("multiply", "--keys", "score", "--out", "p.ct", "a.ct", "a.ct")
    refused(REFUSED, "p.ct: other computations are behind it", "add", "--keys", "score", "--out", "never", "a.ct", "p.ct")
    refused(REFUSED, "p.ct: 1 of its 2 levels are used up, and this takes 2", "variance", "--keys", "score", "--out", "never", "p.ct", "p.ct")
    well("multiply", "--keys", "score", "--out", "pp.ct", "p.ct", "p.ct")
    refused(REFUSED, "pp.ct: 2 of its 2 levels", "mean", "--keys", "score", "--out", "never", "pp.ct")
    encrypt("score", [1000] * 2048, "huge.ct")
    well("multiply", "--keys", "score", "--out", "h.ct", "huge.ct", "huge.ct")
    well("multiply", "--keys", "score", "--out", "hh.ct", "h.ct", "h.ct")
    refused(REFUSED, "what comes out is noise", "decrypt", "--keys", "score", "hh.ct")
    refused(REFUSED, "what comes out is noise", "decrypt", "--keys", "other", "a.ct")
    # The largest results that doc/he.md promises.
    encrypt("score", [707] * 4096, "most.ct")
    encrypt("score", [-707] * 4096, "least.ct")
    well("variance", "--keys", "score", "--out", "r.ct", "--force", "most.ct", "least.ct")
    near(decrypt("score", "r.ct", 4096), [499849] * 4096, 0.02)
    # Digits below the sixth tell of the key.
    refused(USAGE, "0 to 6", "decrypt", "--keys", "score", "--decimals", "7", "a.ct")
    refused(USAGE, "--divide \"1e-3\"", "decrypt", "--keys", "score", "--divide", "1e-3", "a.ct")
    data = bytearray(get("a.ct"))
    at = 16 + 32 + 1 + 24
    assert struct.unpack_from("<d", data, at)[0] == 2 ** 40
    struct.pack_into("<d", data, at, 2 ** 30)
    put("small.ct", bytes(data))
    refused(REFUSED, "fewer --decimals", "decrypt", "--keys", "score", "--decimals", "4", "small.ct")
    assert run("decrypt", "--keys", "score", "--decimals", "3", "--count", "1", "small.ct").returncode == OK
    struct.pack_into("<d", data, at, 2 ** 10)
    refused(REFUSED, "no decimals above the noise", "decrypt", "--keys", "score", put("small.ct", bytes(data)))
    refused(USAGE, "--zeros", "decrypt", "--keys", "score", "--zeros", "a.ct")


@case
def damaged():
    """Files that are cut, longer, of other keys, or no such files."""
    encrypt("exact", [1, 2], "a.ct")
    data = get("a.ct")
    put("flip", data[:len(data) - 1] + b"\xff")
    secret, params = "exact/secret.seal", "exact/params.seal"
    for words, name in (("70000", put("cut", data[:70000])), ("header", put("long", data + b"x")), ("16", put("empty", "")),
                        ("no SEAL header", put("text", "1,2,3\n" * 9)), ("secret key", secret), ("params.seal", params),
                        ("primes of keys", "exact/public.seal"), ("below its modulus", "flip")):
        refused(REFUSED, words, "add", "--keys", "exact.eval", "--out", "never", "a.ct", name)
        refused(REFUSED, words, "decrypt", "--keys", "exact", name)
    for name in ("public.seal", "relin.seal", "galois.seal", "params.seal"):
        shutil.rmtree("torn", ignore_errors=True)
        shutil.copytree("exact", "torn")
        put("torn/" + name, get("torn/" + name)[:-5])
        command = {"public.seal": ("encrypt", put("in.json", [1])), "relin.seal": ("relin", "a.ct"), "galois.seal": ("sum", "a.ct"),
                   "params.seal": ("add", "a.ct")}[name]
        refused(REFUSED, "torn/" + name, command[0], "--keys", "torn", "--out", "never", command[1])
        if name == "relin.seal":
            refused(REFUSED, "torn/relin.seal", "multiply", "--keys", "torn", "--out", "never", "a.ct", "a.ct")
    # Without the keys a product has three polynomials: it is read, but not multiplied again.
    os.unlink("torn/relin.seal")
    shutil.copy("exact/params.seal", "torn/params.seal")
    well("multiply", "--keys", "torn", "--out", "three.ct", "a.ct", "a.ct")
    assert "3 polynomials" in well("inspect", "--keys", "torn", "three.ct") and decrypt("exact", "three.ct", 2) == [1, 4]
    refused(REFUSED, "three.ct: it is a product that was not relinearized", "multiply", "--keys", "torn", "--out", "never", "a.ct", "three.ct")
    refused(REFUSED, "torn has no relin.seal", "score", "--keys", "torn", "--weights", put("w", [1]), "--squared", "--out", "never", "a.ct")
    refused(REFUSED, "relinearize before a rotation", "rotate", "--keys", "exact", "--steps", "1", "--out", "never", "three.ct")
    well("relin", "--keys", "exact", "--out", "two.ct", "--force", "three.ct")
    assert "2 polynomials" in well("inspect", "--keys", "exact", "two.ct") and decrypt("exact", "two.ct", 2) == [1, 4]
    refused(NOFILE, "has more than", "add", "--keys", "exact", "--out", "never", "/dev/zero")


@case
def owners_stay_silent():
    """Keys of two owners are no pair, a multiple of n is no ciphertext, and no core file holds a key."""
    well("keygen", "--profile", "counter", "--out", "second")
    encrypt("counter", [1], "c.ct")
    shutil.copy("second/public.paillier", "counter/public.paillier.was")
    os.rename("counter/public.paillier", "counter/own")
    os.rename("counter/public.paillier.was", "counter/public.paillier")
    refused(REFUSED, "of different keys", "decrypt", "--keys", "counter", "c.ct")
    os.rename("counter/own", "counter/public.paillier")
    assert decrypt("counter", "c.ct", 1) == [1]
    # A multiple of n is no ciphertext: n itself, as wide as one.
    put("n.ct", bytes(384) + get("counter/public.paillier")[10:])
    refused(REFUSED, "multiple of n", "decrypt", "--keys", "counter", "n.ct")
    refused(REFUSED, "multiple of n", "add", "--keys", "counter", "--out", "never", "c.ct", "n.ct")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    with subprocess.Popen([TOOL, "decrypt", "--keys", "exact", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as p:
        deadline, limits = time.monotonic() + 20, ""
        while not re.search(r"Max core file size +0 +0 ", limits) and time.monotonic() < deadline:
            with open("/proc/%d/limits" % p.pid, encoding="ascii") as f:
                limits = f.read()
        p.stdin.close()
        p.wait(60)
    assert re.search(r"Max core file size +0 +0 ", limits), limits


@case
def shown_and_converted():
    for name, words in (("params.seal", "BGV, degree 4096, 3 primes (36 36 37 bits), plain modulus 1032193, 128 bits of security"),
                        ("public.seal", "public key"), ("relin.seal", "relinearization keys"), ("galois.seal", "Galois keys"),
                        ("secret.seal", "secret key (must not leave its owner)")):
        said = well("inspect", "--keys", "exact", "exact/" + name)
        assert words in said and "SEAL 4.1, compression none" in said, said
        assert "NOT VALID" not in said
    encrypt("exact", [4, 5], "a.ct")
    encrypt("exact", [4, 5], "s.ct", "--symmetric")
    assert "ciphertext, " in well("inspect", "--keys", "exact.eval", "a.ct") and "seeded" not in well("inspect", "--keys", "exact", "a.ct")
    assert "seeded, 2 polynomials, 2 primes" in well("inspect", "--keys", "exact.eval", "s.ct")
    encrypt("counter", [1], "c.ct")
    assert "Paillier ciphertext" in well("inspect", "--keys", "counter", "c.ct")
    assert "Paillier public key, 3072 bits" in well("inspect", "counter/public.paillier")
    assert "Paillier secret key (must" in well("inspect", "counter/secret.paillier")
    refused(REFUSED, "--keys would tell", "inspect", "c.ct")
    refused(REFUSED, "neither SEAL nor troth-he", "inspect", put("text", "hello"))
    # One bad file hides not what the others are.
    r = run("inspect", "nothing", "a.ct")
    assert r.returncode == NOFILE and "a.ct: ciphertext" in r.stdout
    r = run("inspect", put("cut", get("a.ct")[:999]))
    assert r.returncode == REFUSED and "NOT VALID" in r.stdout
    for version in ("4.0", "4.1", "4.2", "4.3", "4.4", "3.6", "3.7"):
        for kind in ("none", "zlib", "zstd"):
            keys = "bfv" if version < "4" else "exact"
            encrypt(keys, [4, 5], "a.ct", "--version", version, "--compression", kind)
            assert "SEAL %s, compression %s" % (version, kind) in well("inspect", "a.ct")
            # What is not named stays as it is.
            well("convert", "--keys", keys, "--compression", "none", "--out", "b.ct", "--force", "a.ct")
            assert "SEAL %s, compression none" % version in well("inspect", "b.ct")
            well("add", "--keys", keys, "--out", "r.ct", "--force", "b.ct", "a.ct")
            assert "SEAL %s, " % version in well("inspect", "r.ct") and decrypt(keys, "r.ct", 2) == [8, 10]
    for name in ("params.seal", "public.seal", "relin.seal", "galois.seal"):
        well("convert", "--keys", "bfv", "--version", "3.7", "--compression", "zlib", "--out", "k", "--force", "bfv/" + name)
        well("convert", "--keys", "bfv", "--version", "4.4", "--compression", "none", "--out", "k2", "--force", "k")
        assert "SEAL 4.4, compression none" in well("inspect", "--keys", "bfv", "k2")
    refused(REFUSED, "is not converted; keygen --version", "convert", "--keys", "exact", "--out", "never", "exact/secret.seal")
    refused(REFUSED, "neither SEAL nor troth-he", "convert", "--keys", "exact", "--out", "never", "text")
    refused(REFUSED, "since 4.0", "convert", "--keys", "exact", "--version", "3.7", "--out", "never", "exact/params.seal")
    refused(REFUSED, "nothing to convert", "convert", "--keys", "counter", "--out", "never", "c.ct")


@case
def five_lines():
    """The example of doc/he.md, as it stands there."""
    with open(os.path.join(SRC, "doc", "he.md"), encoding="utf-8") as f:
        text = f.read().split("## In five lines")[1].split("\n## ")[0]
    lines = [line.strip() for line in text.split("\n") if line.startswith("    ")]
    assert len(lines) == 5 and all(line.startswith("troth-he ") for line in lines), lines
    os.mkdir("example")
    for day, by in (("monday", 0), ("tuesday", 3)):
        put("example/%s.csv" % day, "hour,temperature\n" + "".join("%d,%.1f\n" % (h, 15 + h / 10 + by) for h in range(24)))
    env = dict(os.environ, PATH=os.path.dirname(TOOL) + os.pathsep + os.environ["PATH"])
    for line in lines:
        r = subprocess.run(line, shell=True, cwd="example", env=env, capture_output=True, text=True, timeout=60, check=False)
        assert r.returncode == 0 and r.stderr == "", "%s: %s" % (line, r.stderr)
    near([float(x) for x in r.stdout.split()], [16.5 + h / 10 for h in range(24)], 0.005)
    assert not any(n.startswith("secret.") for n in os.listdir("example/public"))


def main():
    failed = 0
    home = os.getcwd()
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="troth-he-") as folder:
        os.chdir(folder)
        for name, more in (("sum", ()), ("exact", ()), ("score", ()), ("counter", ()), ("bfv", ("--scheme", "bfv")), ("other", ())):
            profile = {"bfv": "exact", "other": "score"}.get(name, name)
            well("keygen", "--profile", profile, "--out", name, "--public", name + ".eval", *more)
        for function in CASES:
            try:
                function()
            except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as e:
                failed += 1
                print("%s: %s" % (function.__name__, e))
        os.chdir(home)
    print("he: %d cases, %d failed" % (len(CASES), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
