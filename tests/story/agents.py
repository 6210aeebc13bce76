# SPDX-License-Identifier: Apache-2.0
"""The second half of the story: devices that enrol by themselves, their agents, and credentials that live and die."""
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent, Listener, be  # noqa: E402
from cse import SRC, Cse, must, register  # noqa: E402

NAMES = ("CPump1", "CPump2", "CPump3")


class Failed(Exception):
    pass


def need(ok, what):
    if not ok:
        raise Failed(what)


def ctl(s, *words):
    out = s.cse.trothctl("--json", *words).stdout
    return json.loads(out) if out.strip().startswith(("{", "[")) and "\n{" not in out.strip() else out


def event(s, name, since=0):
    """Waits for an event of that name behind a number; the number."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        for line in s.cse.trothctl("--json", "events", "--from", str(since)).stdout.splitlines():
            e = json.loads(line) if line.strip() else {}
            if e.get("event") == name:
                return e["seq"]
        time.sleep(0.05)
    raise Failed("no event " + name)


def last_event(s):
    lines = [x for x in s.cse.trothctl("--json", "events").stdout.splitlines() if x.strip()]
    return json.loads(lines[-1])["seq"] + 1 if lines else 0


def enrolled(s):
    s.agents, s.codes, began = {}, {}, time.monotonic()
    for name in NAMES:
        made = ctl(s, "device", "add", name.lower(), "--ae-id", name)
        s.codes[name] = made["url"]
        a = s.agents[name] = Agent(s.cse, name)
        a.command("enrol", made["url"])
        mode = os.stat(a.state).st_mode & 0o777
        need(mode == 0o700, "the agent's folder has mode %o" % mode)
        a.start()
    seconds = time.monotonic() - began
    states = {d["name"]: d["state"] for d in ctl(s, "device", "list")}
    need(all(states[n.lower()] in ("enrolled", "active") for n in NAMES), "states: %s" % states)
    return "%.2f s for three, keys made on the device, certificates of 24 h" % seconds


def carried(s):
    a = s.agents["CPump1"]
    script = shutil.copy(os.path.join(SRC, "etc/examples/troth-publish"), a.dir)
    r = subprocess.run(["sh", script, "--name", "CPump1", "--url", "http://127.0.0.1:%d" % a.port, "--count", "5", "--interval", "0"],
                       capture_output=True, text=True, timeout=60, cwd="/", **be(a.uid))
    need(r.returncode == 0, r.stdout + r.stderr)
    client = a.client()
    cnt = must(client.get("/cse-in/CPump1/telemetry"), 2000, "the container").json()["m2m:cnt"]
    need(cnt["cni"] == 5, "cni is %d" % cnt["cni"])
    states = {d["name"]: d["state"] for d in ctl(s, "device", "list")}
    need(states["cpump1"] == "active", "the device is %s" % states["cpump1"])
    times = []
    for _ in range(20):
        t = time.perf_counter()
        must(client.get("/cse-in/CPump1/telemetry/la"), 2000, "reading")
        times.append((time.perf_counter() - t) * 1e3)
    return "%s; a read through the agent takes %.1f ms" % (r.stdout.strip(), sorted(times)[10])


def told(s):
    a, sink = s.agents["CPump2"], Listener()
    app, url = a.client(), sink.url("/inbox")
    ae = {"m2m:ae": {"rn": "CPump2", "api": "Ntroth.reader", "rr": True, "srv": ["3"], "poa": [url]}}
    shown = must(app.create("/cse-in", 2, ae), 2001, "registration").json()["m2m:ae"]
    need(shown["poa"] == [url], "the client is shown %s, not its own URL" % shown["poa"])
    must(app.create("/cse-in/CPump2", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "the container")
    sub = {"m2m:sub": {"rn": "watch", "nu": [url], "enc": {"net": [3]}}}
    must(app.create("/cse-in/CPump2/box", 23, sub), 2001, "the subscription")
    values = []
    for value in range(3):
        must(app.create("/cse-in/CPump2/box", 4, {"m2m:cin": {"con": str(value)}}), 2001, "a reading")
    while len(values) < 3:
        path, _, content = sink.take()
        need(path == "/inbox", "a notification came to " + path)
        if "nev" in content["m2m:sgn"]:  # else the verification of the subscription
            values.append(content["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"])
    # Order is promised inside of a batch only.
    need(sorted(values) == ["0", "1", "2"], "they tell of %s" % values)
    sink.none(0.1)
    sink.end()
    return "3 of 3 in order at %s; the CSE knows an https URL of the agent only" % url


def guarded(s):
    c = s.agents["CPump1"].client()
    page = c.get("/cse-in/CPump1", headers={"Origin": "https://evil.example"})
    need(page.status == 403, "a foreign page was answered %d" % page.status)
    c.close()
    host = c.get("/cse-in/CPump1", headers={"Host": "evil.example"})
    need(host.status in (400, 403, 421), "a foreign Host was answered %d" % host.status)
    c.close()
    name = c.get("/cse-in/CPump2", originator="CPump2")
    need(name.status == 403, "a name of another device left the agent: %d" % name.status)
    return "403 to a foreign page, Host and name; " + foreign(s, s.agents["CPump3"])


def foreign(s, a):
    """Another CSE of the same names at another port must not hear a word."""
    a.stop()
    with Cse() as other:
        other.start()
        a.sets = ["cse.port=%d" % other.port]
        a.start()
        r = a.client().get("/cse-in")
        need(r.rsc == 5103, "a foreign CSE was believed: %d" % r.rsc)
        counters = json.loads(other.trothctl("--json", "status").stdout)["counters"]
        need(counters.get("requests", 0) == 0, "a request reached the foreign CSE")
        a.stop()
        other.stop()
    a.sets = []
    a.start()
    return "another CSE of the same name got no request"


def used_code(s):
    since = last_event(s)
    with Agent(s.cse, "CThief") as thief:
        r = thief.command("enrol", s.codes["CPump1"], check=False)
    need(r.returncode != 0, "a used code was taken")
    event(s, "EV_CODE_USED", since)
    # Who came first, the device or the thief?  Nobody works with it until the administrator has looked.
    state = ctl(s, "device", "show", "cpump1")["state"]
    need(state == "locked", "the device is %s" % state)
    s.cse.trothctl("device", "release", "cpump1")
    return r.stderr.strip().splitlines()[-1]


def renewed(s):
    a, stop, done, failed = s.agents["CPump1"], threading.Event(), [0], []

    def load():
        c = a.client()
        while not stop.is_set():
            r = c.get("/cse-in/CPump1/telemetry/la")
            done[0] += 1
            if r.rsc != 2000:
                failed.append((r.status, r.body[:200]))

    workers = [threading.Thread(target=load) for _ in range(4)]
    for w in workers:
        w.start()
    try:
        time.sleep(0.3)
        first = generation(s, "cpump1")
        for _ in range(2):
            a.command("renew")
            time.sleep(0.3)
    finally:
        stop.set()
        for w in workers:
            w.join()
    need(not failed, "%d of %d requests failed, the first: %s" % (len(failed), done[0], failed[:1]))
    now = generation(s, "cpump1")
    need(now == first + 2, "generation %d became %d" % (first, now))
    return "2 renewals, %d requests meanwhile, none failed; generation %d" % (done[0], now)


def generation(s, name):
    return ctl(s, "device", "show", name)["generation"]


def cloned(s):
    since = last_event(s)
    a = s.agents["CPump3"]
    copy, owner = Agent(s.cse, "CPump3"), a.client()
    # as somebody would who got hold of the disk
    subprocess.run("rm -rf %s && cp -a %s %s && rm -f %s/*.sock" % (copy.state, a.state, copy.state, copy.state), shell=True, check=True)
    must(owner.create("/cse-in", 2, {"m2m:ae": {"rn": "CPump3", "api": "Ntroth.pump", "rr": False, "srv": ["3"]}}), 2001, "the owner")
    copy.command("renew")
    r = a.command("renew", check=False)
    need(r.returncode != 0, "one generation was renewed twice")
    event(s, "EV_CLONE", since)
    state = ctl(s, "device", "show", "cpump3")["state"]
    need(state == "suspended", "the device is %s" % state)
    need(owner.get("/cse-in/CPump3").rsc != 2000, "the suspended device was answered")
    copy.clean()
    return "EV_CLONE, suspended; the second was told: %s" % (r.stderr or r.stdout).strip().splitlines()[-1]


def revoked(s):
    # a connection of its own, so that the moment of its end can be seen
    s.cse.issue("CGone", "--ae", "CGone")
    ident = next(c["id"] for c in ctl(s, "credential", "list") if "CGone" in c["names"])
    c = s.cse.client("CGone")
    register(c, "CGone")
    s.backup = os.path.join(s.cse.dir, "before.backup")
    s.cse.trothctl("backup", s.backup)
    sock = c.conn.sock
    sock.settimeout(5)
    times = {}

    def watch():
        try:
            while sock.recv(1):
                pass
        except (OSError, socket.timeout):
            pass
        times["closed"] = time.perf_counter()

    w = threading.Thread(target=watch)
    w.start()
    time.sleep(0.05)
    began = time.perf_counter()
    s.cse.trothctl("credential", "revoke", ident)
    answered = time.perf_counter()
    w.join()
    need(times["closed"] - began < 1, "the connection lived %.3f s" % (times["closed"] - began))
    try:
        s.cse.client("CGone").get("/cse-in")
        raise Failed("the revoked credential was answered")
    except (OSError, ConnectionError):
        pass
    s.revoked = ident
    return "closed %.1f ms after the command began (the command took %.1f ms)" % ((times["closed"] - began) * 1e3, (answered - began) * 1e3)


def restored(s):
    s.cse.stop()
    s.cse.trothctl("restore", s.backup)
    s.cse.start()
    states = {c["id"]: c["state"] for c in ctl(s, "credential", "list")}
    need(states[s.revoked] == "revoked", "the revoked credential is %s again" % states[s.revoked])
    try:
        s.cse.client("CGone").get("/cse-in")
        raise Failed("the restore revived the revoked")
    except (OSError, ConnectionError):
        pass
    try:
        a = s.cse.client("CDev1").get("/cse-in")
        raise Failed("a device was answered before the administrator's word: %d" % a.rsc)
    except (OSError, ConnectionError):
        pass
    s.cse.trothctl("restore", "--accept-rollback")
    must(s.cse.client("CDev1").get("/cse-in/CDev1/telemetry/la"), 2000, "after the administrator's word")
    return "devices were suspended until --accept-rollback; the revoked stays so"
