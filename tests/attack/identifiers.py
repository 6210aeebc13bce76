#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Request identifiers of local clients, which are all the same with many of them: whatever the clients do, and whenever their agent ends and
begins again, the CSE sees no replay, which would lock the whole device; and nobody is shown another's identifier."""
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import USER, Agent, as_user  # noqa: E402
from cse import Cse, must  # noqa: E402

HEAD = "%s %s HTTP/1.1\r\nHost: localhost\r\nX-M2M-RVI: 3\r\n%s\r\n"


def talk(agent):
    with as_user(USER):
        s = socket.create_connection(("127.0.0.1", agent.port), 20)
    return s


def head_of(s):
    """The next answer's head; its content is read, too."""
    got = b""
    while b"\r\n\r\n" not in got:
        b = s.recv(65536)
        assert b, "closed after %r" % got
        got += b
    head, rest = got.split(b"\r\n\r\n", 1)
    n = int(next(x.split(b":")[1] for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")))
    while len(rest) < n:
        rest += s.recv(65536)
    return head.decode()


def create(s, path, ty, body, fields):
    fields += "Content-Type: application/json;ty=%d\r\nContent-Length: %d\r\n" % (ty, len(body))
    s.sendall((HEAD % ("POST", path, fields) + body).encode())


def before(agent):
    """What is refused before its identifier is known carries none: not that of the request before it."""
    s = talk(agent)
    s.sendall((HEAD % ("GET", "/cse-in", "X-M2M-Origin: CDev1\r\nX-M2M-RI: first\r\n")).encode())
    assert "X-M2M-RI: first" in head_of(s)
    s.sendall((HEAD % ("GET", "/cse-in", "X-M2M-Origin: CDev1\r\nX-M2M-RI: second\r\nX-M2M-RI: third\r\n")).encode())
    head = head_of(s)
    assert " 400 " in head and "X-M2M-RI" not in head, head
    s.close()
    return "an identifier that is given twice: refused, and no other shown"


def registrations(agent, cse):
    """To the CSE "C", "S" and no originator are one at a registration."""
    clients = [talk(agent) for _ in range(6)]
    # Connections to the CSE for all of them.
    threads = [threading.Thread(target=agent.client().get, args=("/cse-in",)) for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    cse.proc.send_signal(signal.SIGSTOP)
    for i, s in enumerate(clients):
        who = ("X-M2M-Origin: C\r\n", "X-M2M-Origin: S\r\n", "")[i % 3]
        create(s, "/cse-in", 2, '{"m2m:ae":{"rn":"r%d","api":"Nx","rr":false,"srv":["3"]}}' % i, who + "X-M2M-RI: 1\r\n")
    time.sleep(0.3)
    cse.proc.send_signal(signal.SIGCONT)
    heads = [head_of(s) for s in clients]
    assert all("X-M2M-RI: 1" in h for h in heads), heads
    assert not cse.events("EV_REPLAY"), "a replay was told"
    for s in clients:
        s.close()
    return "registrations of one identifier at a time: no replay"


def begun_again(agent, cse, c):
    """A subscription for another client of the device waits at the CSE for its verification when the agent is killed; its clients go on
    counting from 1."""
    n = agent.client(originator="")
    r = must(n.create("/cse-in", 2, {"m2m:ae": {"rn": "next", "api": "Nx", "rr": False, "srv": ["3"]}}, originator="S"), 2001, "a registration")
    n.originator = r.json()["m2m:ae"]["aei"]
    must(n.create("/cse-in/next", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
    with as_user(USER):
        silent = socket.create_server(("127.0.0.1", 0))
    silent.settimeout(20)
    url = "http://127.0.0.1:%d/" % silent.getsockname()[1]
    acp = {"m2m:acp": {"rn": "acp", "pv": {"acr": [{"acor": ["CDev1", n.originator], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CDev1"], "acop": 63}]}}}
    ri = must(c.create("/cse-in/CDev1", 1, acp), 2001, "a policy").json()["m2m:acp"]["ri"]
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"poa": [url]}}), 2004, "the point of access")
    must(c.put("/cse-in/CDev1", {"m2m:ae": {"acpi": [ri]}}), 2004, "its link")
    s = talk(agent)
    create(s, "/cse-in/next/box", 23, '{"m2m:sub":{"rn":"s","nu":["CDev1"],"enc":{"net":[3]}}}', "X-M2M-Origin: %s\r\nX-M2M-RI: 1\r\n" % n.originator)
    waits = silent.accept()[0]
    agent.proc.kill()
    agent.proc.wait()
    agent.start()
    n.close()
    r = n.create("/cse-in/next/box", 4, {"m2m:cin": {"con": "after"}}, headers={"X-M2M-RI": "1"})
    must(r, 2001, "an instance after the kill")
    assert r.headers["X-M2M-RI"] == "1", r.headers
    assert not cse.events("EV_REPLAY"), "a replay was told"
    for x in (s, waits, silent, n):
        x.close()
    return "an agent that is killed with a request under way: no replay afterwards"


def main():
    with Cse(sets=["notify.allowed_prefixes=127.0.0.0/8", "notify.timeout=5s", "log.level=warn"]) as cse:
        cse.start()
        with Agent(cse, "CDev1", device={"maxAe": 20, "randomStems": True}) as agent:
            try:
                agent.enrol()
                agent.start()
                c = agent.client()
                must(c.create("/cse-in", 2, {"m2m:ae": {"rn": "CDev1", "api": "Nx", "rr": False, "srv": ["3"]}}), 2001, "the AE")
                must(c.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "box"}}), 2001, "a container")
                for part in (lambda: before(agent), lambda: registrations(agent, cse), lambda: begun_again(agent, cse, c)):
                    print(part(), flush=True)
                assert agent.stop() == 0, agent.log()
            except BaseException:
                print(agent.log(), cse.log_tail(1500), file=sys.stderr)
                raise
        assert cse.stop() == 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
