#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Local, unmodified clients behind a real agent: curl and small HTTP servers that know nothing of TLS, tokens or certificates; what they gave
is what they are shown; notifications find them after kills of the agent, restarts of the CSE and absences of their own; the agent says a
sentence when it cannot carry, and holds its connections to HTTP."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import USER, Agent, Listener, as_user, be  # noqa: E402
from cse import Cse, must  # noqa: E402

SETS = ["notify.allowed_prefixes=127.0.0.0/8", "notify.max_pause=1s", "notify.timeout=2s", "log.level=warn"]


def con(got):
    return got[2]["m2m:sgn"]["nev"]["rep"]["m2m:cin"]["con"]


def wait_for(sink, value, seconds=30):
    """That one comes; what came before may come again."""
    end = time.monotonic() + seconds
    while con(sink.take(max(0.1, end - time.monotonic()))) != value:
        pass


def put(c, value, path="/cse-in/CDev1/box"):
    must(c.create(path, 4, {"m2m:cin": {"con": value}}), 2001, "instance " + value)


def curl(agent, *args):
    r = subprocess.run(["curl", "-s", "-H", "X-M2M-Origin: CDev1", "-H", "X-M2M-RI: c1", "-H", "X-M2M-RVI: 3"] + list(args), capture_output=True, text=True,
                       timeout=30, cwd="/", **be(USER))
    assert r.returncode == 0, "curl %s: %d %s" % (args, r.returncode, r.stderr)
    return r.stdout


def first_steps(agent, c):
    """An AE without a point of access, a subscription to a plain URL: nothing else is said, and nothing else is shown."""
    url = "http://localhost:%d" % agent.port
    ae = json.loads(curl(agent, "-H", "Content-Type: application/json;ty=2", "-d", '{"m2m:ae":{"rn":"CDev1","api":"Ncurl","rr":false,"srv":["3"]}}', url + "/cse-in"))
    assert "poa" not in ae["m2m:ae"] and ae["m2m:ae"]["aei"] == "CDev1", ae
    curl(agent, "-H", "Content-Type: application/json;ty=3", "-d", '{"m2m:cnt":{"rn":"box"}}', url + "/cse-in/CDev1")
    sink = Listener()
    sub = json.loads(curl(agent, "-H", "Content-Type: application/json;ty=23", "-d",
                          json.dumps({"m2m:sub": {"rn": "s", "nu": [sink.url("/x?y=1")], "enc": {"net": [3]}}}), url + "/cse-in/CDev1/box"))
    assert sub["m2m:sub"]["nu"] == [sink.url("/x?y=1")], sub
    put(c, "one")
    got = sink.take()
    assert con(got) == "one" and got[0] == "/x?y=1" and got[1]["x-m2m-origin"] == "/id-in" and got[1]["host"] == "127.0.0.1:%d" % sink.port, got
    for path in ("/cse-in/CDev1", "/cse-in/CDev1?rcn=4", "/cse-in/CDev1?rcn=8", "/cse-in/CDev1/box/s", "/cse-in/CDev1?atrl=poa"):
        body = c.get(path).body
        assert b"https://127.0.0.1:%d" % agent.notify not in body and b'"poa"' not in body, body
    return sink


def shown_again(agent, c):
    """poa and nu as they were given, also in pieces, also when they are changed or removed."""
    mine = ["http://127.0.0.1:9/a", "https://elsewhere.example/b", "http://[::1]:9/c"]
    r = must(c.put("/cse-in/CDev1", {"m2m:ae": {"poa": mine}}), 2004, "poa")
    assert r.json()["m2m:ae"]["poa"] == mine, r.body
    assert c.get("/cse-in/CDev1?atrl=poa").json()["m2m:ae"]["poa"] == mine
    found = must(c.get("/cse-in?fu=1&ty=2&poa=" + urllib.parse.quote(mine[0], safe="")), 2000, "a discovery").json()["m2m:uril"]
    assert found == ["cse-in/CDev1"], found
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"poa": None}}), 2004, "no poa")
    r = must(c.get("/cse-in/CDev1"), 2000, "the AE").json()["m2m:ae"]
    assert "poa" not in r and r["api"] == "Ncurl", r


def away(agent, cse, c, sink):
    """The client is away, the agent is killed, the CSE restarts: what was kept comes."""
    port = sink.port
    sink.end()
    put(c, "while away")
    time.sleep(0.5)
    sink = Listener(port=port)
    wait_for(sink, "while away")
    agent.proc.send_signal(signal.SIGKILL)
    agent.proc.wait()
    agent.start()
    c.close()
    put(c, "after a kill")
    wait_for(sink, "after a kill")
    cse.stop()
    r = c.get("/cse-in")
    assert r.rsc == 5103 and b"m2m:dbg" in r.body and r.headers["X-M2M-RI"], (r.status, r.body)
    cse.start()
    end = time.monotonic() + 20
    while c.get("/cse-in").rsc != 2000:
        assert time.monotonic() < end, "the CSE is not found again"
        time.sleep(0.1)
    put(c, "after the CSE's restart")
    wait_for(sink, "after the CSE's restart")
    return sink


def own_after_restart(agent, c):
    """Notifications at a point of access are taken by what the book says of the subscription, over a restart, and no more once it is deleted."""
    sink = Listener()
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"poa": [sink.url("/poa")]}}), 2004, "poa")
    must(c.create("/cse-in/CDev1/box", 23, {"m2m:sub": {"rn": "p", "nu": ["CDev1"], "enc": {"net": [3]}}}), 2001, "a subscription")
    agent.stop()
    agent.start()
    c.close()
    put(c, "by poa")
    wait_for(sink, "by poa")
    must(c.delete("/cse-in/CDev1/box/p"), 2002, "deletion")
    put(c, "not told")
    sink.none()
    sink.end()


def places(agent, c):
    """localhost is either loopback address."""
    sink = Listener(address="::1")
    must(c.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "six"}}), 2001, "a container")
    must(c.create("/cse-in/CDev1/six", 23, {"m2m:sub": {"rn": "s", "nu": [sink.url(host="localhost")], "enc": {"net": [3]}}}), 2001, "a subscription")
    put(c, "six", "/cse-in/CDev1/six")
    wait_for(sink, "six")
    sink.end()


def random_stem(agent):
    """A name that the CSE gives is one that the agent knows at once, and after a restart."""
    c = agent.client(originator="")
    r = must(c.create("/cse-in", 2, {"m2m:ae": {"rn": "given", "api": "Nx", "rr": False, "srv": ["3"]}}, originator="S"), 2001, "a registration")
    stem = r.json()["m2m:ae"]["aei"]
    must(c.get("/cse-in/given", originator=stem), 2000, "its AE")
    assert c.get("/cse-in/given", originator=stem + "x").rsc == 4106
    agent.stop()
    agent.start()
    c.close()
    must(c.get("/cse-in/given", originator=stem), 2000, "its AE after a restart")
    c.close()


def neighbour(agent, c):
    """Another client of this device subscribes for the first: its verification and its notifications are the device's own."""
    n = agent.client(originator="")
    sink = Listener()
    ae = must(n.create("/cse-in", 2, {"m2m:ae": {"rn": "neighbour", "api": "Nx", "rr": False, "srv": ["3"]}}, originator="S"), 2001, "a registration")
    n.originator = ae.json()["m2m:ae"]["aei"]
    acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": [{"acor": ["CDev1", n.originator], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CDev1"], "acop": 63}]}}}
    ri = must(c.create("/cse-in/CDev1", 1, acp), 2001, "a policy").json()["m2m:acp"]["ri"]
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"poa": [sink.url("/poa")]}}), 2004, "poa")
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"acpi": [ri]}}), 2004, "its link")
    must(n.create("/cse-in/neighbour", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
    must(n.create("/cse-in/neighbour/box", 23, {"m2m:sub": {"rn": "s", "nu": ["CDev1"], "enc": {"net": [3]}}}), 2001, "a subscription")
    assert sink.take()[2]["m2m:sgn"]["vrq"] is True
    put(n, "from next door", "/cse-in/neighbour/box")
    wait_for(sink, "from next door")
    n.close()
    sink.end()


def http(agent, c):
    """Large bodies, 100-continue, pipelining, both families, the socket; a client that leaves in the middle."""
    path = os.path.join(agent.dir, "big")
    with open(path, "w") as f:
        f.write('{"m2m:cin":{"con":"%s"}}' % ("x" * 500000))
    os.chmod(path, 0o644)
    for where in (["http://127.0.0.1:%d/cse-in/CDev1/six" % agent.port], ["http://[::1]:%d/cse-in/CDev1/six" % agent.port],
                  ["--unix-socket", agent.socket, "http://localhost/cse-in/CDev1/six"]):
        got = curl(agent, "-i", "-H", "Expect: 100-continue", "-H", "Content-Type: application/json;ty=4", "--data-binary", "@" + path, *where)
        assert "X-M2M-RSC: 2001" in got and "x" * 500000 in got, got[:300]
    with as_user(USER):
        s = socket.create_connection(("127.0.0.1", agent.port), 20)
    ask = b"GET /cse-in HTTP/1.1\r\nHost: localhost\r\nX-M2M-Origin: CDev1\r\nX-M2M-RI: %d\r\nX-M2M-RVI: 3\r\nCookie: secret=1\r\n\r\n"
    s.sendall(b"".join(ask % i for i in range(50)))
    got = b""
    while got.count(b"X-M2M-RSC: 2000") < 50:
        b = s.recv(65536)
        assert b, "the agent has closed after %r" % got[-200:]
        got += b
    assert [int(x.split(b"\r\n")[0]) for x in got.split(b"X-M2M-RI: ")[1:]] == list(range(50))
    s.close()
    for i in range(200):
        with as_user(USER):
            s = socket.create_connection(("127.0.0.1", agent.port), 20)
        s.sendall(ask[:20 + i % 60] if i % 2 else ask % i)
        s.close()
    c.close()
    large = c.request("POST", "/cse-in/CDev1/six", b"x" * 2000000, headers={"Content-Type": "application/json;ty=4"})
    assert large.status == 413, large.status
    c.close()
    must(c.get("/cse-in/CDev1"), 2000, "the AE")


def one_identifier(agent, cse):
    """Clients that all call their requests "1", at the same time, and some that leave before the answer: no replay, each has its own."""
    faults = []

    def work(k):
        c = agent.client()
        for i in range(40):
            r = c.create("/cse-in/CDev1/six", 4, {"m2m:cin": {"con": "%d-%d" % (k, i)}}, headers={"X-M2M-RI": "1"})
            if r.rsc != 2001 or r.headers["X-M2M-RI"] != "1" or r.json()["m2m:cin"]["con"] != "%d-%d" % (k, i):
                faults.append((r.rsc, dict(r.headers), r.body))
        c.close()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for i in range(60):
        body = b'{"m2m:cin":{"con":"left %d"}}' % i
        with as_user(USER):
            s = socket.create_connection(("127.0.0.1", agent.port), 20)
        s.sendall(b"POST /cse-in/CDev1/six HTTP/1.1\r\nHost: localhost\r\nX-M2M-Origin: CDev1\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nContent-Type: application/json;ty=4\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        time.sleep(0.002)
        s.close()
    for t in threads:
        t.join()
    assert not faults, faults[:3]
    assert not cse.events("EV_REPLAY"), "a replay was told"


def revoked(agent, cse, c):
    """A revoked device's clients are told so at once, in a sentence."""
    status, device = cse.admin("GET", "/v1/devices/CDev1")
    status, _ = cse.admin("POST", "/v1/devices/%s/revoke" % device["id"])
    assert status == 200, status
    t = time.monotonic()
    r = c.get("/cse-in/CDev1")
    assert r.rsc != 2000 and b"m2m:dbg" in r.body, (r.status, r.body)
    return "revoked: %d after %.0f ms" % (r.rsc, (time.monotonic() - t) * 1e3)


def main():
    with Cse(sets=SETS) as cse:
        cse.start()
        cse.issue("CAdmin", "--ae", "CAdmin", "--kind", "admin")
        with Agent(cse, "CDev1", device={"maxAe": 4, "randomStems": True}) as agent:
            try:
                agent.enrol()
                agent.start()
                c = agent.client()
                sink = first_steps(agent, c)
                print("first steps with curl: own URL, nothing else shown", flush=True)
                shown_again(agent, c)
                print("points of access: shown as given", flush=True)
                sink = away(agent, cse, c, sink)
                print("absences, a kill, a restart: all told", flush=True)
                own_after_restart(agent, c)
                places(agent, c)
                random_stem(agent)
                c.close()
                neighbour(agent, c)
                http(agent, c)
                one_identifier(agent, cse)
                print("own subscriptions, names, HTTP: as they should be", flush=True)
                print(revoked(agent, cse, c), flush=True)
                assert agent.stop() == 0, agent.log()
            except BaseException:
                print(agent.log(), cse.log_tail(1500), file=sys.stderr)
                raise
        assert cse.stop() == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
