#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The worked example of doc/he.md: a day of a host's telemetry, split among twenty devices, is encrypted by troth-he and by Microsoft
SEAL (node-seal), summed, averaged, scored and matched by an evaluator whose folder has no secret key, decrypted by the program that did
not encrypt, and compared with the plain result.  seal_story.py [SERIES]: the file of telemetry.py to take, else telemetry.csv."""
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import node_seal  # noqa: E402
import telemetry  # noqa: E402

TOOL = os.path.join(node_seal.BUILD, "troth-he")
JS = os.path.join(node_seal.HERE, "seal_story.js")
DEVICES = 20
COUNTERS = 47  # lanes of a counter file


class Device:
    """A twentieth of the series: device d has the readings d, d + 20, d + 40 ..., and a CSV file of them."""
    def __init__(self, folder, series, d):
        self.columns = {name: values[d::DEVICES] for name, values in series.items()}
        self.file = os.path.join(folder, "device%d.csv" % d)
        with open(self.file, "w", newline="", encoding="ascii") as f:
            out = csv.writer(f)
            out.writerow(self.columns)
            out.writerows(zip(*self.columns.values()))


def series_of(path):
    """As many readings as twenty devices can share."""
    series = telemetry.read(path)
    n = len(series["second"]) // DEVICES * DEVICES
    if n < DEVICES * COUNTERS or n > 4096:
        raise ValueError("%s has %d readings; %d to 4096 are needed" % (path, n, DEVICES * COUNTERS))
    return {name: values[:n] for name, values in series.items()}


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

    def upload(self, profile, column, files):
        """A file for each of (CSV file, its numbers): even ones by troth-he, odd ones by SEAL."""
        jobs, made = [], []
        for d, (name, values) in enumerate(files):
            made.append(self.path("%s.%d" % (profile, d)))
            if d % 2:
                jobs.append({"do": "encrypt", "keys": self.path(profile), "values": values, "out": made[-1]})
            else:
                self.tool("encrypt", "--keys", self.path(profile), "--column", column, "--out", made[-1], name)
        self.seal(jobs)
        return made

    def fleet(self, profile, column, devices):
        return self.upload(profile, column, [(d.file, d.columns[column]) for d in devices])

    def by_seal(self, profile, name):
        self.seal([{"do": "decrypt", "keys": self.path(profile), "file": self.path(name), "out": self.path("out.json")}])
        return json.load(open(self.path("out.json"), encoding="utf-8"))

    def by_tool(self, profile, name, n, *args):
        return json.loads(self.tool("decrypt", "--keys", self.path(profile), "--count", n, "--format", "json", *args, self.path(name)))

    def numbers(self, name, values):
        with open(self.path(name), "w", encoding="utf-8") as f:
            json.dump(values, f)
        return self.path(name)


def integers(story, devices, _):
    """Sums and means of interrupts (profile sum)."""
    own = [d.columns["interrupts"] for d in devices]
    want = [sum(at) for at in zip(*own)]
    n = len(want)
    story.keys("sum")
    files = story.fleet("sum", "interrupts", devices)
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
    story.check("a device's file of SEAL, read by troth-he", story.by_tool("sum", "sum.1", n) == own[1])


def reals(story, devices, _):
    """Mean and variance of the load, and how strange each moment was for the whole fleet (profile score)."""
    own = [d.columns["load"] for d in devices]
    mean = [statistics.fmean(at) for at in zip(*own)]
    variance = [statistics.pvariance(at) for at in zip(*own)]
    n = len(mean)
    centre = [statistics.fmean(d) for d in own]
    weight = [1 / max(statistics.pstdev(d), 0.05) for d in own]
    story.keys("score")
    files = story.fleet("score", "load", devices)
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
    want = [sum(w * x for w, x in zip(weight, at)) - 1 for at in zip(*own)]
    story.check("linear score, read by SEAL", near(story.by_seal("score", "linear"), want))
    story.tool("score", *keys, "--weights", weights, "--centre", centres, "--squared", "--out", story.path("squared"), *files)
    want = [sum((w * (x - c)) ** 2 for w, c, x in zip(weight, centre, at)) for at in zip(*own)]
    story.check("squared score, read by SEAL", near(story.by_seal("score", "squared"), want))
    top = max(range(n), key=lambda i: want[i])
    got = story.by_tool("score", "squared", n, "--decimals", 4)
    story.check("the strangest moment of the day is the same", max(got) - got[top] < 1e-2)


def matches(story, devices, series):
    """When exactly so many percent of the time were the kernel's (profile exact)."""
    values = series["system"]
    n = len(values)
    whole = os.path.join(story.folder, "whole.csv")
    with open(whole, "w", encoding="ascii") as f:
        f.write("system\n" + "".join("%d\n" % v for v in values))
    story.keys("exact")
    files = story.upload("exact", "system", [(whole, values), (whole, values)])
    common = statistics.mode(values)
    wanted = story.numbers("wanted", [common])
    want = [int(v == common) for v in values]
    for i, who in ((0, "troth-he"), (1, "SEAL")):
        story.tool("match", "--keys", story.path("exact.eval"), "--values", wanted, "--out", story.path("match%d" % i), files[i])
        story.check("match in a file of %s, read by troth-he" % who, story.by_tool("exact", "match%d" % i, n, "--zeros") == want)
        story.check("match in a file of %s, read by SEAL" % who,
                    [int(v == 0) for v in story.by_seal("exact", "match%d" % i)[:n]] == want)
    story.tool("multiply", "--keys", story.path("exact.eval"), "--out", story.path("product"), files[0], files[1])
    story.check("product, read by SEAL", story.by_seal("exact", "product")[:n] == [v * v for v in values])


def counter(story, devices, _):
    """Page faults of twenty devices, a lane for each of the first readings (profile counter)."""
    own = [d.columns["faults"][:COUNTERS] for d in devices]
    story.keys("counter")
    files = []
    for d, values in enumerate(own):
        files.append(story.path("counter.%d" % d))
        story.tool("encrypt", "--keys", story.path("counter.eval"), "--out", files[-1], story.numbers("in.json", values))
    story.tool("add", "--keys", story.path("counter.eval"), "--out", story.path("counters"), *files)
    story.check("counters of 20 devices", story.by_tool("counter", "counters", COUNTERS) == [sum(at) for at in zip(*own)])


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
    series = series_of(sys.argv[1] if len(sys.argv) > 1 else os.path.join(node_seal.HERE, "telemetry.csv"))
    with tempfile.TemporaryDirectory(prefix="troth-he-") as folder:
        story = Story(folder, env)
        devices = [Device(folder, series, d) for d in range(DEVICES)]
        for step in (integers, reals, matches, counter):
            try:
                step(story, devices, series)
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                story.check("%s: %s" % (step.__name__, e), False)
        refusals(story)
    print("%d passed, %d failed" % (story.passed, story.failed))
    return 1 if story.failed or not story.passed else 0


if __name__ == "__main__":
    sys.exit(main())
