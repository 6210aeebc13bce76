#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job on real input, step by step, each verified: what `./run --once` plays."""
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import BUILD, SRC, Client, Cse, must, register  # noqa: E402
from sink import Sink  # noqa: E402
import agents  # noqa: E402

STEPS = []


def step(text):
    def wrap(fn):
        STEPS.append((text, fn))
        return fn
    return wrap


class Failed(Exception):
    pass


def need(ok, what):
    if not ok:
        raise Failed(what)


@step("trothd is up on HTTPS, with its own authority and an empty store")
def up(s):
    seconds = s.cse.start()
    mode = os.stat(s.cse.state).st_mode & 0o777
    need(mode == 0o700, "the state folder has mode %o, not 700" % mode)
    return "ready in %.2f s" % seconds


@step("credentials for the administrator, two devices and an application")
def credentials(s):
    s.cse.issue("CAdmin", "--ae", "CAdmin", "--kind", "admin")
    for name in ("CDev1", "CDev2", "CApp1"):
        s.cse.issue(name, "--ae", name)
    key = os.stat(os.path.join(s.cse.creds, "CDev1.key")).st_mode & 0o777
    need(key == 0o600, "the device's key has mode %o" % key)
    return "private keys never left their folder"


@step("TLS 1.3 with a client certificate is the only way in")
def only_way(s):
    probe = s.cse.client("CAdmin")
    probe.connect()
    version = probe.conn.sock.version()
    probe.close()
    need(version == "TLSv1.3", "the connection speaks %s" % version)
    out = subprocess.run(["ss", "-Hltnup"], capture_output=True, text=True).stdout
    # one socket for each loop, all of one address
    mine = sorted({line.split()[4] for line in out.splitlines() if "pid=%d," % s.cse.proc.pid in line})
    need(len(mine) == 1 and mine[0].endswith(":%d" % s.cse.port), "it listens on %s" % mine)
    r = subprocess.run(["curl", "-s", "-m", "5", "http://127.0.0.1:%d/cse-in" % s.cse.port], capture_output=True)
    need(r.returncode != 0 or not r.stdout, "plain HTTP was answered")
    return "%s; listens on %s only" % (version, mine[0])


@step("a device registers and stores this host's own telemetry (curl, unmodified)")
def publish(s):
    r = subprocess.run([os.path.join(SRC, "etc/examples/troth-publish"), "--creds", s.cse.creds, "--name", "CDev1",
                        "--url", "https://localhost:%d" % s.cse.port, "--count", "5", "--interval", "0"],
                       capture_output=True, text=True, timeout=60)
    need(r.returncode == 0, r.stdout + r.stderr)
    cnt = must(s.cse.client("CDev1").get("/cse-in/CDev1/telemetry"), 2000, "the container").json()["m2m:cnt"]
    need(cnt["cni"] == 5 and cnt["st"] == 5, "cni %(cni)s, st %(st)s" % cnt)
    return r.stdout.strip()


@step("a second application reads the latest reading, and nothing that its policy does not give")
def second(s):
    dev, app = s.cse.client("CDev1"), s.cse.client("CApp1")
    register(app, "CApp1")
    must(app.get("/cse-in/CDev1/telemetry/la"), 4103, "reading before the policy allows it")
    acp = {"m2m:acp": {"rn": "readers", "pv": {"acr": [{"acor": ["CDev1"], "acop": 63}, {"acor": ["CApp1"], "acop": 2}]},
                       "pvs": {"acr": [{"acor": ["CDev1"], "acop": 63}]}}}
    made = must(dev.create("/cse-in/CDev1", 1, acp), 2001, "the policy").json()["m2m:acp"]
    must(dev.put("/cse-in/CDev1/telemetry", {"m2m:cnt": {"acpi": [made["ri"]]}}), 2004, "linking the policy")
    con = must(app.get("/cse-in/CDev1/telemetry/la"), 2000, "reading").json()["m2m:cin"]["con"]
    with open("/proc/loadavg") as f:
        now = float(f.read().split()[0])
    need(isinstance(con["load"], (int, float)) and abs(con["load"] - now) < 50, "the reading is no telemetry")
    cin = {"m2m:cin": {"con": "forged"}}
    must(app.create("/cse-in/CDev1/telemetry", 4, cin), 4103, "writing without the right")
    must(app.delete("/cse-in/CDev1/telemetry/la"), 4103, "deleting without the right")
    return "load %s, %s KiB free" % (con["load"], con["memAvailableKiB"])


def events(s):
    return [json.loads(line) for line in s.cse.trothctl("--json", "events").stdout.splitlines() if line.strip()]


@step("the second application subscribes and gets each reading as a notification over mutual TLS")
def notified(s):
    app, sink = s.cse.client("CApp1"), Sink(s.cse, "CApp1")
    dev = s.cse.client("CDev1")
    must(app.put("/cse-in/CApp1", {"m2m:ae": {"poa": [sink.url()]}}), 2004, "the point of access")
    sub = {"m2m:sub": {"rn": "app1", "nu": ["CApp1"], "enc": {"net": [3]}}}
    must(app.create("/cse-in/CDev1/telemetry", 23, sub), 4103, "subscribing without the right")
    acr = [{"acor": ["CDev1"], "acop": 63}, {"acor": ["CApp1"], "acop": 3}]
    must(dev.put("/cse-in/CDev1/readers", {"m2m:acp": {"pv": {"acr": acr}}}), 2004, "the right to subscribe")
    must(app.create("/cse-in/CDev1/telemetry", 23, sub), 2001, "the subscription")
    r = subprocess.run([os.path.join(SRC, "etc/examples/troth-publish"), "--creds", s.cse.creds, "--name", "CDev1",
                        "--url", "https://localhost:%d" % s.cse.port, "--count", "3", "--interval", "0"],
                       capture_output=True, text=True, timeout=60)
    need(r.returncode == 0, r.stdout + r.stderr)
    for number in range(6, 9):
        path, headers, content = sink.take()
        cin = content["m2m:sgn"]["nev"]["rep"]["m2m:cin"]
        need(path == "/CApp1" and headers["x-m2m-origin"] == "/id-in" and cin["rn"] == "cin%d" % number and "load" in cin["con"],
             "notification %d is %s %s" % (number, headers, content))
    must(app.delete("/cse-in/CDev1/telemetry/app1"), 2002, "unsubscribing")
    must(dev.put("/cse-in/CDev1/readers", {"m2m:acp": {"pv": {"acr": [acr[0], {"acor": ["CApp1"], "acop": 2}]}}}), 2004, "its end")
    sink.none()
    sink.end()
    return "3 of 3, each proved from the CSE to the application and back"


@step("five devices of one policy are read by one fan-out of a group")
def fan_out(s):
    app, names = s.cse.client("CApp1"), ["CSens%d" % i for i in range(1, 6)]
    for name in names:
        s.cse.issue(name, "--ae", name)
        dev = s.cse.client(name)
        register(dev, name)
        rule = [{"acor": [name], "acop": 63}, {"acor": ["cse-in/CApp1/readers"], "acop": 34}]
        acp = {"m2m:acp": {"rn": "pol", "pv": {"acr": rule}, "pvs": {"acr": [{"acor": [name], "acop": 63}]}}}
        made = must(dev.create("/cse-in/" + name, 1, acp), 2001, "the policy").json()["m2m:acp"]
        must(dev.create("/cse-in/" + name, 3, {"m2m:cnt": {"rn": "temp", "acpi": [made["ri"]]}}), 2001, "the container")
        must(dev.create("/cse-in/%s/temp" % name, 4, {"m2m:cin": {"con": name}}), 2001, "the reading")
    group = {"m2m:grp": {"rn": "five", "mnm": 5, "mid": ["cse-in/%s/temp" % n for n in names]}}
    must(app.create("/cse-in/CApp1", 9, group), 2001, "the group")
    before = must(app.get("/cse-in/CApp1/five/fopt/la"), 2000, "the fan-out").json()["m2m:agr"]["m2m:rsp"]
    need([r["rsc"] for r in before] == [4103] * 5, "members were read before their policies allow it: %s" % before)
    readers = {"m2m:grp": {"rn": "readers", "mnm": 5, "mid": ["CApp1"]}}
    must(app.create("/cse-in/CApp1", 9, readers), 2001, "the group of readers")
    rsp = must(app.get("/cse-in/CApp1/five/fopt/la"), 2000, "the fan-out").json()["m2m:agr"]["m2m:rsp"]
    need([r["rsc"] for r in rsp] == [2000] * 5 and [r["pc"]["m2m:cin"]["con"] for r in rsp] == names, "it answers %s" % rsp)
    return "one request, %d readings; who may read is a group, too" % len(rsp)


@step("a discovery by label and time finds what it must, and nothing that may not be seen")
def discovered(s):
    app, names = s.cse.client("CApp1"), ["CSens%d" % i for i in range(1, 6)]
    for i, name in enumerate(names):
        dev = s.cse.client(name)
        lbl = ["kind:temperature", "floor:%d" % (i % 2)]
        must(dev.put("/cse-in/%s/temp" % name, {"m2m:cnt": {"lbl": lbl}}), 2004, "the labels")
        must(dev.create("/cse-in/" + name, 3, {"m2m:cnt": {"rn": "private", "lbl": lbl}}), 2001, "a container without policy")
    since = None
    for name in ("CSens2", "CSens4"):
        cin = {"m2m:cin": {"con": {"temp": 20, "unit": "C"}, "lbl": ["fresh"]}}
        made = must(s.cse.client(name).create("/cse-in/%s/temp" % name, 4, cin), 2001, "a reading").json()["m2m:cin"]
        since = since or made["ct"]

    def found(query):
        return sorted(must(app.get("/cse-in?fu=1&" + query), 2000, "a discovery").json()["m2m:uril"])

    temps = ["cse-in/%s/temp" % n for n in names]
    need(found("lbl=kind:temperature") == temps, "by label: %s" % found("lbl=kind:temperature"))
    need(found("lbq=floor+EQ+1") == [temps[1], temps[3]], "by label query: %s" % found("lbq=floor+EQ+1"))
    fresh = found("lbl=fresh&cra=%s&ty=4" % since)
    need([f.rsplit("/", 1)[0] for f in fresh] == [temps[1], temps[3]], "by label and time: %s" % fresh)
    need(found("lbl=fresh&crb=%s" % since) == [], "before the first: %s" % found("lbl=fresh&crb=%s" % since))
    need(found("cfs=1&cfq=%24.temp+GT+19+AND+%24.unit+EQ+C") == fresh, "by content")
    return "5 containers by label, 2 readings by label and time, none of the 5 private containers"


@step("three devices are added and enrol through their agents by one-time codes")
def enrolled(s):
    return agents.enrolled(s)


@step("unmodified curl publishes this host's telemetry in plain HTTP to its agent, which carries it")
def carried(s):
    return agents.carried(s)


@step("an unmodified client's plain URL gets the notifications, through its agent")
def told(s):
    return agents.told(s)


@step("the agent refuses what it does not trust: a foreign page, a foreign name, another CSE")
def guarded(s):
    return agents.guarded(s)


@step("a used code is refused, and its device locked until the administrator releases it")
def used_code(s):
    return agents.used_code(s)


@step("certificates renew under load without one failed request")
def renewed(s):
    return agents.renewed(s)


@step("a copied state folder is noticed: the device is suspended, both sides are told")
def cloned(s):
    return agents.cloned(s)


@step("a revocation closes the live connection at once")
def revoked(s):
    return agents.revoked(s)


@step("a stranger without a certificate is refused and noted")
def stranger(s):
    c = s.cse.client("none", cert=False)
    try:
        c.get("/cse-in")
        raise Failed("the stranger was answered")
    except (ssl.SSLError, ConnectionError, OSError) as e:
        why = type(e).__name__
    time_out = time.monotonic() + 5
    while time.monotonic() < time_out:
        if any(e["event"] == "EV_NO_CREDENTIAL" for e in events(s)):
            return "handshake ended (%s), event EV_NO_CREDENTIAL" % why
        time.sleep(0.05)
    raise Failed("no event EV_NO_CREDENTIAL")


@step("a device that claims another's name is refused, noted and locked until the administrator releases it")
def impostor(s):
    c = s.cse.client("CDev2")
    began = time.perf_counter()
    a = must(c.get("/cse-in/CDev1/telemetry/la", originator="CDev1"), 4106, "a false From")
    need(b"load" not in a.body, "the refusal carries content")
    need(c.conn.sock is None or c.conn.sock.recv(1) == b"", "the connection lives on")
    took = (time.perf_counter() - began) * 1e3
    c.close()
    try:
        c.get("/cse-in/CDev2", originator="CDev2")
        raise Failed("the locked credential was answered")
    except (ssl.SSLError, ConnectionError, OSError):
        c.close()
    locks = json.loads(s.cse.trothctl("--json", "lock", "list").stdout)
    need(len(locks) == 1 and "until" not in locks[0], "locks: %s" % locks)
    names = {e["event"] for e in events(s)}
    need({"EV_FALSE_ORIGINATOR", "EV_LOCKED"} <= names, "events: %s" % names)
    s.cse.trothctl("credential", "release", locks[0]["id"])
    return "4106 and the end of the connection within %.1f ms, then no handshake; EV_LOCKED, EV_RELEASED" % took


def load(s, journal, serial):
    base = os.path.join(s.cse.creds, "CDev2")
    return subprocess.Popen([os.path.join(BUILD, "troth-bench"), "--port", str(s.cse.port), "--ca", s.cse.creds + "/ca.crt",
                             "--cert", base + ".crt", "--key", base + ".key", "--originator", "CDev2", "--base",
                             "cse-in/CDev2", "--op", "create", "--containers", "4", "--connections", "64", "--seconds", "30",
                             "--warm", "0", "--journal", journal, "--serial", str(serial)], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def stored(client, number):
    """Every instance of container c<number> by pages: serial number -> contentSize."""
    found, offset = {}, 1
    while True:
        a = must(client.get("/cse-in/CDev2/c%010d?rcn=8&lim=2000&ofst=%d" % (number, offset)), 2000, "the instances")
        page = a.json()["m2m:cnt"].get("m2m:cin", []) if a.body else []
        for cin in page:
            need(cin["con"][1:11].isdigit(), "an instance is damaged")
            found[int(cin["con"][1:11])] = cin["cs"]
        if len(page) < 2000:
            return found
        offset += len(page)


@step("killed with SIGKILL in the middle of a load: all that was acknowledged is there, counters agree")
def killed(s):
    dev = s.cse.client("CDev2")
    register(dev, "CDev2")
    for i in range(4):
        must(dev.create("/cse-in/CDev2", 3, {"m2m:cnt": {"rn": "c%010d" % i}}), 2001, "a container")
    journal = os.path.join(s.cse.dir, "journal")
    p = load(s, journal, 1)
    time.sleep(1.2)
    s.cse.kill()
    p.wait()
    dev.close()
    seconds = s.cse.start()
    with open(journal) as f:
        acked = [tuple(map(int, line.split())) for line in f if line.endswith("\n")]
    need(len(acked) > 100, "only %d creates were acknowledged before the kill" % len(acked))
    total = 0
    for number in range(4):
        have = stored(dev, number)
        lost = [serial for cnt, serial in acked if cnt == number and serial not in have]
        need(not lost, "%d acknowledged instances are lost" % len(lost))
        cnt = must(dev.get("/cse-in/CDev2/c%010d" % number), 2000, "the container").json()["m2m:cnt"]
        need(cnt["cni"] == len(have), "cni is %d, stored are %d" % (cnt["cni"], len(have)))
        need(cnt["cbs"] == sum(have.values()), "cbs is %d, stored are %d bytes" % (cnt["cbs"], sum(have.values())))
        need(cnt["st"] == len(have), "st is %d after %d creates" % (cnt["st"], len(have)))
        total += len(have)
    return "%d acknowledged, %d stored, none lost; ready again in %.2f s" % (len(acked), total, seconds)


@step("an older backup is restored: it does not revive the revoked, and devices wait for the administrator's word")
def restored(s):
    return agents.restored(s)


@step("trothd ends on request and leaves nothing half done")
def end(s):
    status = s.cse.stop()
    need(status == 0, "exit status %d" % status)
    return "exit status 0"


class Story:
    def __init__(self):
        self.cse = Cse(sets=["notify.allowed_prefixes=127.0.0.0/8"])
        self.agents = {}


def main():
    s, began = Story(), time.monotonic()
    try:
        for number, (text, fn) in enumerate(STEPS, 1):
            t = time.monotonic()
            try:
                result = fn(s)
            except Exception as e:  # every failure ends the story with its reason
                print("%2d  FAILED  %s\n      %s: %s" % (number, text, type(e).__name__, e), flush=True)
                if os.path.exists(s.cse.log_path):
                    print(s.cse.log_tail(1500))
                return 1
            print("%2d  %7.3f s  %s\n                 %s" % (number, time.monotonic() - t, text, result), flush=True)
        print("all %d steps held, %.1f s" % (len(STEPS), time.monotonic() - began))
        return 0
    finally:
        for a in s.agents.values():
            a.clean()
        s.cse.clean()


if __name__ == "__main__":
    sys.exit(main())
