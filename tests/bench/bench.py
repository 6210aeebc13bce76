#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make bench: every bar of the engine, as ratios to a server that answers a constant, in one run.

The null server (bench-null) is the same binding and the same TLS with the gate answering at the door.  Null and each
operation alternate, ROUNDS rounds, and the median ratio counts, because machines are noisy.  Results go to bench.json, one
object per line: name, per_s, p50_ms, p99_ms, cpu_us, ratio, bar, held.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from bars import LIFE, Bars, rss_anon  # noqa: E402
from cse import BUILD, Cse, must, register  # noqa: E402


class Bench(Bars):
    def __init__(self, args):
        super().__init__(args.out)
        self.args = args
        self.null = Cse(trothd=os.path.join(BUILD, "bench-null"))
        self.cse = None

    def server(self, sets=()):
        if self.cse:
            self.cse.stop()
            self.cse.clean()
        return self.another(sets)

    def another(self, sets=()):
        """A server beside those that there are; it is the one in use from now on."""
        c = self.cse = Cse(sets=["limits.resources_per_ae=100000000"] + list(sets))
        c.start()
        c.issue("CBench", "--ae", "CBench", *LIFE)
        dev = c.client("CBench")
        register(dev, "CBench")
        # one access-control policy of three rules, the third of which matches
        rule = [{"acor": ["COther1", "COther2"], "acop": 63}, {"acor": ["/other-cse/C*"], "acop": 2},
                {"acor": ["CBench"], "acop": 63}]
        acp = must(dev.create("/cse-in/CBench", 1, {"m2m:acp": {"rn": "acp", "pv": {"acr": rule},
                   "pvs": {"acr": [{"acor": ["CBench"], "acop": 63}]}}}), 2001, "the policy").json()["m2m:acp"]["ri"]
        must(dev.put("/cse-in/CBench", {"m2m:ae": {"acpi": [acp]}}), 2004, "linking the policy")
        self.acpi, self.dev = acp, dev
        return c

    def load(self, cse, op, seconds=None, warm=0.3, **more):
        base = os.path.join(cse.creds, "CBench")
        cmd = [os.path.join(BUILD, "troth-bench"), "--port", str(cse.port), "--ca", cse.creds + "/ca.crt", "--cert",
               base + ".crt", "--key", base + ".key", "--op", op, "--pid", str(cse.proc.pid), "--warm", str(warm),
               "--seconds", str(self.args.seconds if seconds is None else seconds)]
        for k, v in more.items():
            cmd += ["--" + k, str(v)]
        r = subprocess.run(cmd, capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError("troth-bench %s: %s %s" % (op, r.stdout, r.stderr))
        d = json.loads(r.stdout)
        first = d[op]
        first["cpu_us"] = d["cpu_us"]
        first["all"] = d
        return first

    def containers(self, n, mni=0, first=0):
        """Containers c<first>... with the policy linked by inheritance of the AE's access rules: acpi on each."""
        for i in range(first, first + min(n, 1)):
            body = {"rn": "c%010d" % i, "acpi": [self.acpi]}
            if mni:
                body["mni"] = mni
            must(self.dev.create("/cse-in/CBench", 3, {"m2m:cnt": body}), 2001, "a container")
        if n > 1:
            self.load(self.cse, "container", seconds=0, warm=0, containers=n - 1, first=first + 1, count=n - 1,
                      connections=64, mni=mni, serial=int(time.time() * 1000) % 10**9)

    def rounds(self, op, null_op="null", **more):
        """Null and op in turn; median of each figure and of the ratio of rates."""
        pairs = []
        for _ in range(self.args.rounds):
            null = self.load(self.null, null_op)
            mine = self.load(self.cse, op, serial=self.serial(), **more)
            pairs.append((null, mine))
        med = lambda f: statistics.median(f(p) for p in pairs)  # noqa: E731
        return {"per_s": med(lambda p: p[1]["per_s"]), "p50_ms": med(lambda p: p[1]["p50_ms"]),
                "p99_ms": med(lambda p: p[1]["p99_ms"]), "cpu_us": med(lambda p: p[1]["cpu_us"]),
                "null_per_s": med(lambda p: p[0]["per_s"]), "null_cpu_us": med(lambda p: p[0]["cpu_us"]),
                "ratio": med(lambda p: p[1]["per_s"] / max(1, p[0]["per_s"])),
                "cpu_ratio": med(lambda p: p[1]["cpu_us"] / p[0]["cpu_us"])}

    def serial(self):
        self._serial = getattr(self, "_serial", 0) + 10_000_000
        return self._serial % 10**10

    def fill(self, n, containers=1, first=0):
        if n > 0:
            self.load(self.cse, "create", seconds=0, warm=0, count=n, containers=containers, first=first, serial=self.serial())
            os.sync()  # writing back gigabytes of the filling is no part of what is measured next


def fdatasync_ms():
    """4 KiB overwrite and fdatasync: median and p99 over a second, in ms, on the disk that the store uses."""
    import tempfile
    fd, path = tempfile.mkstemp()
    times, block = [], b"x" * 4096
    os.write(fd, block * 256)
    os.fsync(fd)
    end = time.monotonic() + 1
    while time.monotonic() < end:
        t = time.perf_counter()
        os.pwrite(fd, block, (len(times) % 256) * 4096)
        os.fdatasync(fd)
        times.append((time.perf_counter() - t) * 1e3)
    os.close(fd)
    os.unlink(path)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.99)]


def bench_create(b):
    p50, p99 = fdatasync_ms()
    b.emit("fdatasync", "measured", True, p50_ms=p50, p99_ms=p99)
    b.server()
    b.containers(1)
    r = b.rounds("create")
    floor = 50000 if p50 < 0.5 else 30000
    held = r["ratio"] >= 0.45 and r["cpu_ratio"] <= 2.0 and (r["null_per_s"] < 110000 or r["per_s"] >= floor)
    b.create = r
    b.emit("create.https", "ratio >= 0.45, cpu <= 2.0 x null, >= %d/s when null >= 110000/s" % floor, held, **r)
    return r


def bench_create_many(b):
    b.containers(10000, first=1)
    one = []
    many = {10000: [], 100000: []}
    for _ in range(b.args.rounds):
        one.append(b.load(b.cse, "create", serial=b.serial())["per_s"])
        many[10000].append(b.load(b.cse, "create", serial=b.serial(), containers=10000, first=1)["per_s"])
    ratio = statistics.median(m / o for m, o in zip(many[10000], one))
    b.emit("create.https.10k", ">= 0.9 of create.https", ratio >= 0.9, per_s=statistics.median(many[10000]), ratio=ratio)
    b.containers(90000, first=10001)
    one = []
    for _ in range(b.args.rounds):
        one.append(b.load(b.cse, "create", serial=b.serial())["per_s"])
        many[100000].append(b.load(b.cse, "create", serial=b.serial(), containers=100000, first=1)["per_s"])
    ratio = statistics.median(m / o for m, o in zip(many[100000], one))
    b.emit("create.https.100k", ">= 0.9 of create.https", ratio >= 0.9, per_s=statistics.median(many[100000]), ratio=ratio)


def bench_read(b, name="", bars=(0.80, 0.80)):
    r = b.rounds("retrieve")
    b.emit("retrieve.https" + name, "ratio >= %g" % bars[0], r["ratio"] >= bars[0], **r)
    s = b.rounds("latest")
    b.emit("latest.https" + name, "ratio >= %g" % bars[1], s["ratio"] >= bars[1], **s)
    return r, s


def bench_full(b):
    """A store that is full beside one that is nearly empty, each operation on both in turn."""
    n, full, full_dev = b.args.full, b.cse, b.dev
    b.fill(n - full_dev.get("/cse-in/CBench/c0000000000").json()["m2m:cnt"]["cni"])
    b.another()
    b.containers(1)
    b.fill(10000)
    small, figures = b.cse, {}
    for op in ("create", "retrieve", "latest", "oldest"):
        runs = []
        for _ in range(b.args.rounds):
            runs.append([b.load(b.null, "null"), b.load(small, op, serial=b.serial()), b.load(full, op, serial=b.serial())])
        figures[op] = {"per_s": statistics.median(r[2]["per_s"] for r in runs), "cpu_us": statistics.median(r[2]["cpu_us"] for r in runs),
                       "p50_ms": statistics.median(r[2]["p50_ms"] for r in runs),
                       "ratio": statistics.median(r[2]["per_s"] / r[0]["per_s"] for r in runs),
                       "of_small": statistics.median(r[2]["per_s"] / r[1]["per_s"] for r in runs)}
    for op, bar in (("create", 0.9), ("retrieve", 0.85), ("latest", 0.85)):
        b.emit(op + ".https.full", "of_small >= %g: the same with few instances, in turn" % bar, figures[op]["of_small"] >= bar,
               instances=n, **figures[op])
    b.emit("oldest.https.full", "ratio >= 0.5", figures["oldest"]["ratio"] >= 0.5, instances=n, **figures["oldest"])
    small.stop()
    small.clean()
    b.cse, b.dev = full, full_dev


def bench_single(b):
    p50, p99 = fdatasync_ms()
    r = b.load(b.cse, "create", connections=1, serial=b.serial())
    held = r["p50_ms"] <= p50 + 0.15 and (r["p99_ms"] <= 1 or p99 > 0.5)
    b.emit("create1.https", "p50 <= fdatasync p50 + 0.15 ms, p99 <= 1 ms on a quiet disk", held, per_s=r["per_s"],
           p50_ms=r["p50_ms"], p99_ms=r["p99_ms"], fdatasync_p50_ms=p50, fdatasync_p99_ms=p99)
    m = b.load(b.cse, "create", second="retrieve", share=0.5, connections=16, serial=b.serial())
    reads = m["all"]["retrieve"]
    b.emit("mixed.https", "read p50 <= 0.25 ms", reads["p50_ms"] <= 0.25, per_s=m["per_s"], reads_per_s=reads["per_s"],
           p50_ms=reads["p50_ms"], p99_ms=reads["p99_ms"])


def du(folder):
    return sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder) if f.startswith("store"))


def row_bytes(state):
    """A live instance on disk: its sealed body and its share of the log."""
    import sqlite3
    db = sqlite3.connect("file:%s?mode=ro" % os.path.join(state, "store.db"), uri=True)
    body = db.execute("SELECT avg(length(sealed)) FROM (SELECT sealed FROM body ORDER BY id DESC LIMIT 10000)").fetchone()[0]
    db.close()
    return body + 20


def bench_mni(b):
    b.server()
    b.containers(500, mni=10)
    b.containers(500, mni=10000, first=500)
    b.fill(500 * 10, containers=500)
    b.fill(500 * 10000, containers=500, first=500)  # all at mni now
    seconds = b.args.mni_seconds
    r = b.load(b.cse, "create", seconds=seconds, containers=1000, serial=b.serial())
    null = b.load(b.null, "null")
    instances = json.loads(b.cse.trothctl("--json", "status").stdout)["store"]["instances"]
    size, data = du(b.cse.state), int(instances * row_bytes(b.cse.state))
    held = r["per_s"] >= 0.8 * b.create["per_s"] * null["per_s"] / b.create["null_per_s"] and size <= 2.5 * data
    b.emit("create.https.mni", ">= 0.8 of create.https; file <= 2.5 x live data", held, per_s=r["per_s"],
           p50_ms=r["p50_ms"], p99_ms=r["p99_ms"], cpu_us=r["cpu_us"], ratio=r["per_s"] / null["per_s"], file_bytes=size,
           live_bytes=data, seconds=seconds)


def drop_caches():
    try:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("3\n")
        return True
    except OSError:
        return False


def bench_start(b, n, name, bar):
    b.server()
    b.containers(100)
    b.fill(n, containers=100)
    for how in ("stop", "kill"):
        getattr(b.cse, how)()
        cold = drop_caches()
        seconds = b.cse.start(wait=120)
        b.emit("%s.%s" % (name, how), "ready in %g s, cold" % bar, seconds <= bar, seconds=seconds, instances=n, cold=cold)


def bench_delete(b):
    b.server()
    b.containers(2)
    b.fill(100000, first=1)
    alone = b.load(b.cse, "create", serial=b.serial())
    p = subprocess.Popen([sys.executable, "-c", "pass"])
    p.wait()
    import threading
    got = {}
    t = threading.Thread(target=lambda: got.update(b.load(b.cse, "create", seconds=4, serial=b.serial())))
    t.start()
    time.sleep(1.5)
    began = time.perf_counter()
    must(b.dev.delete("/cse-in/CBench/c0000000001"), 2002, "the delete")
    ms = (time.perf_counter() - began) * 1e3
    t.join()
    ratio = got["per_s"] / alone["per_s"]
    b.emit("delete.100k", "answered in 10 ms; creates >= 0.8 meanwhile", ms <= 10 and ratio >= 0.8, ms=ms, ratio=ratio,
           per_s=got["per_s"])


def bench_memory(b):
    b.server()
    pid = b.cse.proc.pid
    b.dev.close()
    time.sleep(0.5)
    idle = rss_anon(pid)
    b.emit("memory.idle", "RssAnon <= 12 MB", idle <= 12e6, bytes=idle)
    b.containers(1)
    before = rss_anon(pid)
    b.containers(100000, first=1)
    per = (rss_anon(pid) - before) / 100000
    b.emit("memory.container", "<= 1 kB", per <= 1024, bytes=per)
    b.fill(600000)
    before = rss_anon(pid)
    b.fill(1000000)
    per = (rss_anon(pid) - before) / 1000000
    b.emit("memory.instance", "<= 16 B beyond the body cache (measured after it was full)", per <= 17, bytes=per)
    b.server(["https.max_handshakes=20000", "https.connections_per_credential=20000"])
    before = rss_anon(b.cse.proc.pid)
    base = os.path.join(b.cse.creds, "CBench")
    n = 10000
    p = subprocess.Popen([os.path.join(BUILD, "troth-bench"), "--port", str(b.cse.port), "--ca", b.cse.creds + "/ca.crt",
                          "--cert", base + ".crt", "--key", base + ".key", "--op", "idle", "--connections", str(n),
                          "--warm", "0", "--seconds", "3"], stdout=subprocess.PIPE, text=True)
    top = 0
    while p.poll() is None:
        top = max(top, rss_anon(b.cse.proc.pid))
        time.sleep(0.1)
    held = json.loads(p.stdout.read())["connections"]
    per = (top - before) / max(1, held)
    b.emit("memory.connection", "<= 32 kB, 10000 held", per <= 32768 and held == n, bytes=per, connections=held)


def bench_fopt(b):
    """One RETRIEVE of a group's fanOutPoint is answered by 1,000 containers."""
    b.server()
    b.containers(1000)
    mid = ["cse-in/CBench/c%010d" % i for i in range(1000)]
    group = {"m2m:grp": {"rn": "all", "mnm": 1000, "mt": 3, "csy": 2, "mid": mid}}
    must(b.dev.create("/cse-in/CBench", 9, group), 2001, "the group")
    times = []
    for _ in range(20 * b.args.rounds):
        began = time.perf_counter()
        a = b.dev.get("/cse-in/CBench/all/fopt")
        times.append((time.perf_counter() - began) * 1e3)
    answers = must(a, 2000, "the fan-out").json()["m2m:agr"]["m2m:rsp"]
    ok = len(answers) == 1000 and all(r["rsc"] == 2000 for r in answers)
    times.sort()
    p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
    b.emit("fopt.1000", "RETRIEVE over 1,000 local members in 20 ms", ok and p50 <= 20, p50_ms=p50, p99_ms=p99, bytes=len(a.body))
    load = b.load(b.cse, "retrieve", serial=b.serial())
    import threading
    stop = threading.Event()

    def loop():
        other = b.cse.client("CBench")
        while not stop.is_set():
            other.get("/cse-in/CBench/all/fopt")
    t = threading.Thread(target=loop)
    t.start()
    beside = b.load(b.cse, "retrieve", serial=b.serial())
    stop.set()
    t.join()
    b.emit("fopt.1000.beside", "measured", True, p99_ms=beside["p99_ms"], alone_p99_ms=load["p99_ms"], per_s=beside["per_s"])


class Target:
    """A C sink as the point of access of an AE CSink, told of every instance of container c0000000000 by n subscriptions."""

    def __init__(self, b, n):
        cse = b.cse
        cse.issue("CSink", "--ae", "CSink", *LIFE)
        base = os.path.join(cse.creds, "CSink")
        self.proc = subprocess.Popen([os.path.join(BUILD, "troth-bench"), "--ca", cse.creds + "/ca.crt", "--cert", base + ".crt",
                                      "--key", base + ".key", "--op", "sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        poa = "https://127.0.0.1:%d/in" % int(self.proc.stdout.readline())
        sink = cse.client("CSink")
        register(sink, "CSink")
        acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": [{"acor": ["CSink"], "acop": 63}, {"acor": ["CBench"], "acop": 16}]},
                           "pvs": {"acr": [{"acor": ["CSink"], "acop": 63}]}}}
        ri = must(sink.create("/cse-in/CSink", 1, acp), 2001, "the policy").json()["m2m:acp"]["ri"]
        must(sink.put("/cse-in/CSink", {"m2m:ae": {"poa": [poa]}}), 2004, "the point of access")
        must(sink.put("/cse-in/CSink", {"m2m:ae": {"acpi": [ri]}}), 2004, "linking the policy")
        for i in range(n):
            sub = {"m2m:sub": {"rn": "s%d" % i, "nu": ["CSink"], "enc": {"net": [3], "chty": [4]}}}
            must(b.dev.create("/cse-in/CBench/c0000000000", 23, sub), 2001, "a subscription")
        sink.close()

    def figures(self):
        self.proc.stdin.write("\n")
        self.proc.stdin.flush()
        return json.loads(self.proc.stdout.readline())

    def wait(self, count, seconds):
        """Until so many have come; how many did, and when the last one came."""
        end = time.monotonic() + seconds
        while True:
            f = self.figures()
            if f["count"] >= count or time.monotonic() > end:
                return f
            time.sleep(0.005)

    def end(self):
        self.proc.stdin.close()
        self.proc.wait()


NOTIFY = ["notify.allowed_prefixes=127.0.0.0/8"]


def bench_notify(b):
    """Creates with one subscriber, counted as delivered; one create with 1,000 subscribers."""
    b.server()
    b.containers(1)
    alone = [b.load(b.cse, "create", serial=b.serial(), connections=64) for _ in range(b.args.rounds)]
    plain = [r["per_s"] for r in alone]
    b.server(NOTIFY)
    b.containers(1)
    t = Target(b, 1)
    rates, late, p99, cpu = [], [], [], []
    for _ in range(b.args.rounds):
        before = t.figures()["count"]
        have = must(b.dev.get("/cse-in/CBench/c0000000000"), 2000, "the container").json()["m2m:cnt"]["cni"]
        r = b.load(b.cse, "create", serial=b.serial(), connections=64)
        ended = time.monotonic()
        made = must(b.dev.get("/cse-in/CBench/c0000000000"), 2000, "the container").json()["m2m:cnt"]["cni"] - have
        f = t.wait(before + made, 3)
        late.append(f["last_s"] - ended if f["count"] - before == made else 99)
        rates.append(r["per_s"] * (f["count"] - before) / made)
        p99.append(r["p99_ms"])
        cpu.append(r["cpu_us"])
    ratio = statistics.median(rates) / statistics.median(plain)
    b.emit("notify.https", "all delivered within 1 s after the load; >= 0.5 of create.https", max(late) <= 1 and ratio >= 0.5,
           per_s=statistics.median(rates), create_per_s=statistics.median(plain), ratio=ratio, late_s=max(late),
           p99_ms=statistics.median(p99), cpu_us=statistics.median(cpu), create_cpu_us=statistics.median(r["cpu_us"] for r in alone))
    t.end()
    b.server(NOTIFY)
    b.containers(1)
    t = Target(b, 1000)
    times = []
    for i in range(3 + 5 * b.args.rounds):
        before = t.figures()["count"]
        began = time.monotonic()
        must(b.dev.create("/cse-in/CBench/c0000000000", 4, {"m2m:cin": {"con": "x%d" % i}}), 2001, "an instance")
        f = t.wait(before + 1000, 5)
        times.append((f["last_s"] - began) * 1e3 if f["count"] == before + 1000 else 9999)
    times = times[3:]
    b.emit("notify.fan", "1,000 subscribers told within 250 ms", max(times) <= 250, ms=statistics.median(times), worst_ms=max(times))
    t.end()


def find(b, query, n, rounds=7):
    """Median and slowest time of a discovery that must find n, in ms."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        got = must(b.dev.get("/cse-in/CBench?fu=1&" + query), 2000, "a discovery")
        times.append((time.perf_counter() - began) * 1e3)
        found = len(got.json()["m2m:uril"])
        if found != n:
            raise RuntimeError("%s found %d of %d" % (query, found, n))
    return statistics.median(times), max(times)


def beside(b, job, rounds=3):
    """p99 of retrieves of others alone, and while job() is done again and again: in turn, the medians."""
    import threading
    alone, meanwhile, count = [], [], [0]
    for _ in range(rounds):
        alone.append(b.load(b.cse, "retrieve", seconds=1.5, connections=16)["p99_ms"])
        stop = threading.Event()

        def again():
            # What the searching client does with its answers is not the server's: it takes what CPU is left.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
            while not stop.is_set():
                job()
                count[0] += 1

        t = threading.Thread(target=again)
        t.start()
        meanwhile.append(b.load(b.cse, "retrieve", seconds=1.5, connections=16)["p99_ms"])
        stop.set()
        t.join()
    return statistics.median(alone), statistics.median(meanwhile), count[0]


def bench_discovery(b):
    """50,000 containers with an instance each, all labelled, in ten groups that were made one after the other."""
    b.server()
    b.containers(1)
    when = []
    for g in range(10):
        when.append(time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 0.999)))
        time.sleep(1)
        more = '"lbl":["all","group%d"]' % g
        for op in ("container", "create"):
            b.load(b.cse, op, seconds=0, warm=0, containers=5000, first=1 + 5000 * g, count=5000, connections=64, more=more,
                   serial=b.serial())
    when.append(time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + 0.999)))
    for name, query, n, bar in (("label", "lbl=group7", 10000, 50), ("time", "cra=%s&crb=%s" % (when[7], when[8]), 10000, 50),
                                ("attr", "con=*nobody*", 0, 150), ("attr.rn", "rn=*nobody*", 0, 150)):
        ms, worst = find(b, query, n)
        alone, p99, times = beside(b, lambda: find(b, query, n, 1))
        b.emit("discovery." + name, "%d ms; others' p99 at most doubled" % bar, ms <= bar and p99 <= 2 * alone, ms=ms, worst_ms=worst,
               others_p99_ms=alone, others_p99_meanwhile_ms=p99, meanwhile=times)


def bench_subtree(b):
    b.server()
    b.containers(2)
    b.fill(1000000, first=1)
    b.load(b.cse, "create", seconds=1, serial=b.serial())

    def delete():
        began = time.perf_counter()
        must(b.dev.delete("/cse-in/CBench/c0000000001"), 2002, "the delete")
        got["ms"] = (time.perf_counter() - began) * 1e3

    import threading
    got = {}
    alone = b.load(b.cse, "create", seconds=4, connections=64, serial=b.serial())
    t = threading.Timer(1.5, delete)
    t.start()
    meanwhile = b.load(b.cse, "create", seconds=4, connections=64, serial=b.serial())
    t.join()
    b.emit("delete.subtree", "answered in 10 ms; others' p99 at most doubled", got["ms"] <= 10 and
           meanwhile["p99_ms"] <= 2 * alone["p99_ms"], ms=got["ms"], others_p99_ms=alone["p99_ms"],
           others_p99_meanwhile_ms=meanwhile["p99_ms"], per_s=alone["per_s"], per_s_meanwhile=meanwhile["per_s"])


def bench_authz(b):
    exe = os.path.join(BUILD, "bench-authz")
    row = json.loads(subprocess.run([exe], capture_output=True, text=True, check=True).stdout)
    b.emit("authz", "p99 <= 0.2 ms with 100,000 ACPs", row["p99_ms"] <= 0.2, **row)
    row = json.loads(subprocess.run([exe, "groups"], capture_output=True, text=True, check=True).stdout)
    b.emit("authz.groups", "p99 <= 0.2 ms with 100,000 ACPs and groups as originators", row["p99_ms"] <= 0.2, **row)


GROUPS = ["create", "many", "full", "single", "mni", "start", "delete", "memory", "authz", "fopt", "discovery", "subtree", "notify"]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", default="bench.json")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--seconds", type=float, default=2.0)
    ap.add_argument("--full", type=int, default=1000000)
    ap.add_argument("--mni-seconds", type=float, default=120)
    ap.add_argument("--long", action="store_true", help="also 10,000,000 instances")
    ap.add_argument("groups", nargs="*", default=GROUPS)
    b = Bench(ap.parse_args())
    b.null.start()
    b.null.issue("CBench", "--ae", "CBench", *LIFE)
    want = set(b.args.groups or GROUPS)
    try:
        if want & {"create", "many", "full", "single", "mni"}:
            bench_create(b)
            bench_read(b)
            if "many" in want:
                bench_create_many(b)
            if "full" in want:
                bench_full(b)
            if "single" in want:
                bench_single(b)
        if "mni" in want:
            bench_mni(b)
        if "start" in want:
            bench_start(b, 1000000, "start.1m", 1.0)
            if b.args.long:
                bench_start(b, 10000000, "start.10m", 5.0)
        if "delete" in want:
            bench_delete(b)
        if "memory" in want:
            bench_memory(b)
        if "authz" in want:
            bench_authz(b)
        if "fopt" in want:
            bench_fopt(b)
        if "discovery" in want:
            bench_discovery(b)
        if "subtree" in want:
            bench_subtree(b)
        if "notify" in want:
            bench_notify(b)
    finally:
        b.null.clean()
        if b.cse:
            b.cse.clean()
    missed = [r["name"] for r in b.rows if not r["held"]]
    print("%d figures, missed: %s" % (len(b.rows), ", ".join(missed) or "none"))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
