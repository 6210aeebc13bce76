#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The worked example of doc/he.md: readings of this host, as of twenty devices, are encrypted by troth-he and by Microsoft SEAL
(node-seal), summed, averaged, scored and matched by an evaluator whose folder has no secret key, decrypted by the program that did
not encrypt, and compared with the plain result."""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import node_seal  # noqa: E402

TOOL = os.path.join(node_seal.BUILD, "troth-he")
JS = os.path.join(node_seal.HERE, "seal_story.js")
DEVICES = 20
MINUTES = 1440


def counters():
    """Context switches, interrupts, page faults since the start of this host, and its free memory in MB."""
    stat = dict(line.split(None, 1) for line in open("/proc/stat", encoding="ascii") if " " in line)
    vm = dict(line.split() for line in open("/proc/vmstat", encoding="ascii"))
    return (int(stat["ctxt"]), int(stat["intr"].split()[0]), int(vm["pgfault"]), int(vm["nr_free_pages"]) / 256)


def series():
    """As many readings as a day has minutes: what each counter went on by, and the memory.  Nobody waits a day for a test."""
    rows, last = [], counters()
    for _ in range(MINUTES):
        now = counters()
        rows.append([min(now[i] - last[i], 400) for i in range(3)] + [now[3]])
        last = now
    return rows


class Story:
    def __init__(self, folder, env):
        self.folder, self.env = folder, env
        self.passed = self.failed = 0

    def path(self, *name):
        return os.path.join(self.folder, *name)

    def tool(self, *args, fails=False):
        run = subprocess.run([TOOL] + [str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
                             check=False)
        if (run.returncode != 0) != fails:
            raise RuntimeError("troth-he %s: %d %s" % (" ".join(map(str, args)), run.returncode, run.stderr))
        return run.stderr if fails else run.stdout

    def seal(self, jobs):
        with open(self.path("jobs.json"), "w", encoding="utf-8") as f:
            json.dump(jobs, f)
        subprocess.run(["node", JS, self.path("jobs.json")], env=self.env, check=True, timeout=300)

    def check(self, name, ok):
        self.passed += bool(ok)
        self.failed += not ok
        print(("ok      " if ok else "NOT OK  ") + name, flush=True)

    def keys(self, profile):
        """The owner's folder, and the evaluator's, which is the same without the secret."""
        self.tool("keygen", "--profile", profile, "--out", self.path(profile))
        shutil.copytree(self.path(profile), self.path(profile + ".eval"))
        for name in os.listdir(self.path(profile + ".eval")):
            if name.startswith("secret."):
                os.unlink(self.path(profile + ".eval", name))

    def upload(self, profile, devices):
        """A file for each device: even ones by troth-he, odd ones by SEAL."""
        jobs, files = [], []
        for d, values in enumerate(devices):
            out = self.path("%s.%d" % (profile, d))
            files.append(out)
            if d % 2:
                jobs.append({"do": "encrypt", "keys": self.path(profile), "values": values, "out": out})
                continue
            with open(self.path("in.json"), "w", encoding="utf-8") as f:
                json.dump(values, f)
            self.tool("encrypt", "--keys", self.path(profile), "--out", out, self.path("in.json"))
        self.seal(jobs)
        return files

    def by_seal(self, profile, name):
        self.seal([{"do": "decrypt", "keys": self.path(profile), "file": self.path(name), "out": self.path("out.json")}])
        return json.load(open(self.path("out.json"), encoding="utf-8"))

    def by_tool(self, profile, name, n, *args):
        return json.loads(self.tool("decrypt", "--keys", self.path(profile), "--count", n, "--format", "json", *args, self.path(name)))

    def numbers(self, name, values):
        with open(self.path(name), "w", encoding="utf-8") as f:
            json.dump(values, f)
        return self.path(name)


def integers(story, rows):
    """Sums and means of context switches (profile sum)."""
    n = MINUTES // DEVICES
    devices = [[r[0] for r in rows[d * n:(d + 1) * n]] for d in range(DEVICES)]
    want = [sum(d[i] for d in devices) for i in range(n)]
    story.keys("sum")
    files = story.upload("sum", devices)
    story.tool("add", "--keys", story.path("sum.eval"), "--out", story.path("total"), *files)
    story.check("sum of 20 devices, read by SEAL", story.by_seal("sum", "total")[:n] == want)
    story.check("sum of 20 devices, read by troth-he", story.by_tool("sum", "total", n) == want)
    # The version of SEAL 3.6, which all that came later read, and every compression.
    for i, kind in enumerate(("none", "zlib", "zstd")):
        story.tool("convert", "--keys", story.path("sum.eval"), "--version", "3.6", "--compression", kind, "--out", story.path("old%d" % i),
                   story.path("total"))
        story.check("the same as of SEAL 3.6, compression %s, read by SEAL" % kind, story.by_seal("sum", "old%d" % i)[:n] == want)
    story.tool("mean", "--keys", story.path("sum.eval"), "--out", story.path("mean"), *files)
    got = story.by_tool("sum", "mean", n, "--divide", DEVICES)
    story.check("mean of 20 devices", all(abs(g - w / DEVICES) < 1e-6 for g, w in zip(got, want)))
    story.check("a device's file of SEAL, read by troth-he", story.by_tool("sum", "sum.1", n) == devices[1])


def reals(story, rows):
    """Variance and anomaly score of four measures (profile score)."""
    n = MINUTES // DEVICES
    devices = [[math.log1p(r[i % 3]) + r[3] / 1e4 for i, r in enumerate(rows[d * n:(d + 1) * n])] for d in range(DEVICES)]
    mean = [sum(d[i] for d in devices) / DEVICES for i in range(n)]
    variance = [sum((d[i] - mean[i]) ** 2 for d in devices) / DEVICES for i in range(n)]
    centre = [sum(d) / n for d in devices]
    weight = [1 / (0.5 + abs(c)) for c in centre]
    story.keys("score")
    files = story.upload("score", devices)
    keys = ("--keys", story.path("score.eval"))

    def near(got, want):
        return all(abs(g - w) < 1e-2 for g, w in zip(got, want))
    story.tool("mean", *keys, "--out", story.path("real.mean"), *files)
    story.check("mean of real numbers, read by SEAL", near(story.by_seal("score", "real.mean"), mean))
    story.tool("variance", *keys, "--out", story.path("real.variance"), *files)
    story.check("variance, read by SEAL", near(story.by_seal("score", "real.variance"), variance))
    story.check("variance, read by troth-he", near(story.by_tool("score", "real.variance", n, "--decimals", 6), variance))
    weights, centres = story.numbers("weights", weight), story.numbers("centre", centre)
    story.tool("score", *keys, "--weights", weights, "--bias", -1, "--out", story.path("linear"), *files)
    want = [sum(w * d[i] for w, d in zip(weight, devices)) - 1 for i in range(n)]
    story.check("linear score, read by SEAL", near(story.by_seal("score", "linear"), want))
    story.tool("score", *keys, "--weights", weights, "--centre", centres, "--squared", "--out", story.path("squared"), *files)
    want = [sum((w * (d[i] - c)) ** 2 for w, c, d in zip(weight, centre, devices)) for i in range(n)]
    story.check("squared score, read by SEAL", near(story.by_seal("score", "squared"), want))
    top = max(range(n), key=lambda i: want[i])
    got = story.by_tool("score", "squared", n, "--decimals", 4)
    story.check("the strangest minute is the same", max(got) - got[top] < 1e-2)


def matches(story, rows):
    """Which minutes had exactly so many interrupts (profile exact)."""
    n = MINUTES
    values = [r[1] for r in rows]
    story.keys("exact")
    files = story.upload("exact", [values, values])
    wanted = story.numbers("wanted", [values[7]])
    for i, who in ((0, "troth-he"), (1, "SEAL")):
        story.tool("match", "--keys", story.path("exact.eval"), "--values", wanted, "--out", story.path("match%d" % i), files[i])
        want = [int(v == values[7]) for v in values]
        story.check("match in a file of %s, read by troth-he" % who, story.by_tool("exact", "match%d" % i, n, "--zeros") == want)
        story.check("match in a file of %s, read by SEAL" % who,
                    [int(v == 0) for v in story.by_seal("exact", "match%d" % i)[:n]] == want)
    story.tool("multiply", "--keys", story.path("exact.eval"), "--out", story.path("product"), files[0], files[1])
    story.check("product, read by SEAL", story.by_seal("exact", "product")[:n] == [v * v for v in values])


def counter(story, rows):
    """Totals of twenty devices, one counter each of 47 (profile counter)."""
    n = MINUTES // DEVICES
    devices = [[r[2] for r in rows[d * n:d * n + 47]] for d in range(DEVICES)]
    story.keys("counter")
    files = []
    for d, values in enumerate(devices):
        files.append(story.path("counter.%d" % d))
        story.tool("encrypt", "--keys", story.path("counter.eval"), "--out", files[-1], story.numbers("in.json", values))
    story.tool("add", "--keys", story.path("counter.eval"), "--out", story.path("counters"), *files)
    story.check("counters of 20 devices", story.by_tool("counter", "counters", 47) == [sum(v) for v in zip(*devices)])


def refusals(story):
    """A sentence for each mistake, and nothing written."""
    keys = ("--keys", story.path("exact.eval"), "--out", story.path("never"))
    for name, args, word in (
            ("a secret key", ("add",) + keys + (story.path("exact", "secret.seal"),), "secret key"),
            ("other parameters", ("add",) + keys + (story.path("sum.0"),), "sum.0"),
            ("text", ("add",) + keys + (story.path("weights"),), "SEAL header"),
            ("a decryption without the secret", ("decrypt", "--keys", story.path("exact.eval"), story.path("exact.0")), "secret.seal"),
            ("a value that does not fit", ("encrypt",) + keys + (story.numbers("big", [1e9]),), "does not fit"),
            ("overwriting", ("add", "--keys", story.path("exact.eval"), "--out", story.path("exact.0"), story.path("exact.1")), "--force")):
        said = story.tool(*args, fails=True)
        story.check("refused: " + name, word in said and not os.path.exists(story.path("never")))


def main():
    env = node_seal.environment()
    rows = series()
    with tempfile.TemporaryDirectory(prefix="troth-he-") as folder:
        story = Story(folder, env)
        for step in (integers, reals, matches, counter):
            try:
                step(story, rows)
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                story.check("%s: %s" % (step.__name__, e), False)
        refusals(story)
    print("%d passed, %d failed" % (story.passed, story.failed))
    return 1 if story.failed or not story.passed else 0


if __name__ == "__main__":
    sys.exit(main())
