#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A marker in every payload, label, resource name, AE-ID, query value and key of a full run must be in no log line, no file
of the state folder, no backup, no event or metric, no argv or environ, no packet."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402
from agent import Agent, Listener  # noqa: E402

MARK = "zq7CanarY4xk"


def traffic(c):
    aei = "C" + MARK
    dev = c.client("dev", aei)
    register(dev, aei, name="ae" + MARK, api="N" + MARK)
    base = "/cse-in/ae" + MARK
    acp = must(dev.create(base, 1, {"m2m:acp": {"rn": "acp" + MARK, "lbl": ["l" + MARK], "pv": {"acr": [
        {"acor": [aei], "acop": 63}]}, "pvs": {"acr": [{"acor": [aei], "acop": 63}]}}}), 2001, "policy").json()
    must(dev.create(base, 3, {"m2m:cnt": {"rn": "cnt" + MARK, "lbl": ["k:" + MARK], "acpi": [acp["m2m:acp"]["ri"]]}}), 2001,
         "container")
    path = base + "/cnt" + MARK
    for i in range(50):
        body = {"con": MARK * 10, "lbl": ["i" + MARK]}
        if i % 2:
            body["rn"] = "%s-%d" % (MARK, i)
        must(dev.create(path, 4, {"m2m:cin": body}, headers={"X-M2M-VSI": MARK}), 2001, "instance")
    must(dev.get(path + "/la"), 2000, "latest")
    must(dev.get(path + "/no" + MARK), 4004, "an absent child")
    must(dev.get(path + "?atrl=" + MARK), 4000, "an unknown attribute")
    must(dev.put(path, {"m2m:cnt": {"lbl": ["u" + MARK]}}), 2004, "update")
    must(dev.put(path, {"m2m:cnt": {MARK: 1}}), 4000, "an unknown member")
    must(dev.create(path, 4, '{"m2m:cin":{"con":"%s"' % MARK), 4000, "a cut body")
    must(dev.get("/cse-in", originator="CFalse" + MARK), 4106, "a false originator")
    must(dev.delete(path + "/la"), 2002, "delete")
    dev.close()
    other = c.client("other", "COther")
    register(other, "COther")
    must(other.get(path), 4103, "another's container")
    other.close()
    raw = c.client("dev", aei)
    raw.connect()
    raw.conn.sock.sendall(b"GET /%s HTTP/1.1\r\nHost: %s\r\nBad Header %s\r\n\r\n" % ((MARK.encode(),) * 3))
    raw.conn.sock.recv(4096)
    raw.close()


def administration(c):
    """What an operator does and sees; metrics and answers as they go over the wire."""
    c.issue("admin", "--kind", "admin", "--ae", "CAdmin")
    seen = []
    a = c.client("admin")
    a.connect()
    for path in ("/-/admin/v1/status", "/-/admin/v1/events", "/-/admin/v1/locks", "/-/admin/v1/limits", "/-/ready", "/metrics",
                 "/-/admin/v1/" + MARK, "/-/admin/v1/tree?from=" + MARK, "/-/admin/v1/resource?address=cse-in/" + MARK):
        a.conn.request("GET", path)
        seen.append((path.replace(MARK, "MARK"), a.conn.getresponse().read()))
    for path, body in (("/-/admin/v1/backup", '{"file":"%s"}' % MARK), ("/-/admin/v1/acp/why", '{"originator":"C%s"}' % MARK),
                       ("/-/admin/v1/log/level", '{"level":"%s"}' % MARK)):
        a.conn.request("POST", path, body, {"Content-Type": "application/json"})
        a.conn.getresponse().read()
    a.close()
    c.trothctl("backup", os.path.join(c.dir, "backup"))
    c.trothctl("store", "check")
    return [s for s in seen if "MARK" not in s[0]]


def through_agent(c, found):
    """The same from a device behind its agent, and a notification back; what the agent keeps and says of it.  The URLs of its local
    clients and the addresses of their subscriptions stand in its book by design: it must show them again, and take no other."""
    back = Listener()
    with Agent(c, "CAgent", sets=["log.level=debug"]) as a:
        a.enrol()
        a.start()
        d = a.client()
        must(d.create("/cse-in", 2, {"m2m:ae": {"rn": "agent" + MARK, "api": "N" + MARK, "rr": True, "srv": ["3"], "lbl": [MARK],
                                                "poa": [back.url()]}}, originator="CAgent"), 2001, "registration by the agent")
        base = "/cse-in/agent" + MARK
        must(d.create(base, 3, {"m2m:cnt": {"rn": "c" + MARK}}), 2001, "container")
        must(d.create(base + "/c" + MARK, 23, {"m2m:sub": {"rn": "s" + MARK, "nu": ["CAgent"], "enc": {"net": [3]}}}), 2001,
             "subscription")
        for i in range(5):
            must(d.create(base + "/c" + MARK, 4, {"m2m:cin": {"con": MARK * 5, "rn": "%s%d" % (MARK, i)}},
                          headers={"X-M2M-VSI": MARK}), 2001, "instance")
            assert MARK in str(back.take()), "the notification has no payload"
        must(d.get(base + "/no" + MARK), 4004, "an absent child")
        must(d.create(base + "/c" + MARK, 4, '{"m2m:cin":{"con":"%s"' % MARK), 4000, "a cut body")
        d.conn.sock.sendall(b"GET /%s HTTP/1.1\r\nBad Header %s\r\n\r\n" % ((MARK.encode(),) * 2))
        d.conn.sock.recv(4096)
        d.close()
        look("the agent's status", a.command("status").stdout.encode(), found)
        for what in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (a.proc.pid, what), "rb") as f:
                look("the agent's " + what, f.read(), found)
        assert a.stop() == 0, "the agent did not end well"
        look("the agent's log", open(a.log_path, "rb").read(), found)
        for top, _, fs in os.walk(a.state):
            for f in fs:
                if os.path.isfile(os.path.join(top, f)):
                    data = open(os.path.join(top, f), "rb").read()
                    if f == "book":
                        data = b"\n".join(x for x in data.splitlines() if not x.startswith(b"s "))
                    look("the agent's " + f, data, found)
    back.end()


def look(where, data, found):
    forms = {MARK.encode(): "plain", MARK.lower().encode(): "lower case", MARK.encode().hex().encode(): "hex",
             __import__("base64").b64encode(MARK.encode())[:14]: "base64"}
    for form, name in forms.items():
        if form in data:
            found.append("%s (%s)" % (where, name))


def main():
    c, found = Cse(sets=["log.level=debug", "notify.allowed_prefixes=127.0.0.0/8"]), []
    pcap = os.path.join(c.dir, "packets")
    dump = subprocess.Popen(["tcpdump", "-Z", "root", "--immediate-mode", "-i", "lo", "-w", pcap, "-U", "-s", "0", "tcp port %d" % c.port],
                            stderr=subprocess.PIPE)
    dump.stderr.readline()  # it listens now
    try:
        c.start()
        c.issue("dev", "--ae", "C" + MARK)
        c.issue("other", "--ae", "COther")
        traffic(c)
        through_agent(c, found)
        for where, answer in administration(c):
            look(where, answer, found)
        look("backup", open(os.path.join(c.dir, "backup"), "rb").read(), found)
        for what in ("cmdline", "environ"):
            with open("/proc/%d/%s" % (c.proc.pid, what), "rb") as f:
                look(what, f.read(), found)
        look("events", c.trothctl("--json", "events").stdout.encode(), found)
        look("status", c.trothctl("--json", "status").stdout.encode(), found)
        wal = [os.path.join(d, f) for d, _, fs in os.walk(c.state) for f in fs
               if os.path.isfile(os.path.join(d, f))]
        for f in wal:  # while it runs: the write-ahead log too
            look("state (running) " + os.path.basename(f), open(f, "rb").read(), found)
        # keys: no private key may stand in clear anywhere in the state folder
        for f in wal:
            if b"PRIVATE KEY-----" in open(f, "rb").read():
                found.append("a private key in clear in " + os.path.basename(f))
        assert c.stop() == 0, "trothd did not end well"
        time.sleep(0.2)
        dump.terminate()
        dump.wait()
        packets = open(pcap, "rb").read()
        assert len(packets) > 20000, "only %d bytes of packets were captured: run as root" % len(packets)
        look("packets", packets, found)
        look("log", open(c.log_path, "rb").read(), found)
        for d, _, fs in os.walk(c.state):
            for f in fs:
                look("state " + f, open(os.path.join(d, f), "rb").read(), found)
    finally:
        dump.kill()
        c.clean()
    print("found in: " + ", ".join(found) if found else "the marker is nowhere: logs of CSE and agent, state folder, argv, environ, events, metrics, backup, packets")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
