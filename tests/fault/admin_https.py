#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The administrator's interface over HTTPS: who may, what others learn, pages of browsers, calls that wait, calls at the end."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import SRC, Cse, must, register  # noqa: E402

done = 0


def expect(got, want, what):
    global done
    if got != want:
        raise AssertionError("%s: %r instead of %r" % (what, got, want))
    done += 1


def ask(client, method, path, body=None, headers=None):
    """A request that is no primitive."""
    if not client.conn:
        client.connect()
    h = dict(headers or {})
    if body is not None:
        body = json.dumps(body)
        h["Content-Type"] = "application/json"
    client.conn.request(method, path, body, h)
    r = client.conn.getresponse()
    return r.status, r.read(), r.headers


def ask_json(client, *args, **kw):
    status, text, _ = ask(client, *args, **kw)
    return status, json.loads(text)


def samples(text):
    """The text form of Prometheus, read strictly: {(name, labels): value}."""
    found, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# "):
            m = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) (.+)", line)
            assert m, line
            if m[1] == "TYPE":
                assert m[2] not in kinds, "%s twice" % m[2]
                kinds[m[2]] = m[3]
            continue
        m = re.fullmatch(r'([a-z_]+)((?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) ([0-9.e+-]+)', line)
        assert m, line
        name = re.sub("_(bucket|sum|count)$", "", m[1])
        assert kinds.get(m[1]) in ("counter", "gauge") or kinds.get(name) == "histogram", "no type of " + line
        assert (m[1], m[2]) not in found, line
        found[m[1], m[2]] = float(m[3])
    return found


def metrics(c, admin, monitor, dev):
    expect(ask(dev, "GET", "/metrics")[0], 403, "a device reads metrics")
    probe = c.client("CDev1")
    for _ in range(7):
        must(probe.get("/cse-in/none"), 4004, "a request to be counted")
    _, before, headers = ask(monitor, "GET", "/metrics")
    expect(headers["Content-Type"].split(";")[0], "text/plain", "type")
    assert b"CDev1" not in before and b"CAdmin" not in before, "a name in the metrics"
    m = samples(before.decode())
    expect(m["troth_answers_total", '{operation="retrieve",code="4004"}'], 7, "answers by code")
    expect(m["troth_request_duration_seconds_count", '{operation="retrieve"}'], 7, "durations")
    steps = [v for (name, label), v in m.items() if name == "troth_request_duration_seconds_bucket" and "retrieve" in label]
    expect((steps, len(steps)), (sorted(steps), 20), "steps rise")
    assert m["troth_request_duration_seconds_sum", '{operation="retrieve"}'] > 0
    assert m["troth_commit_duration_seconds_count", ""] >= m["troth_commits_total", ""] > 0
    assert 1e6 < m["troth_resident_bytes", ""] < 1e9, "memory"
    assert 1 <= m["troth_connections", ""] <= 20, "connections"
    expect(m["troth_loops", ""], 3, "loops")
    expect((m["troth_credentials", '{state="active"}'], m["troth_credentials", '{state="suspended"}']), (3, 0), "credentials")
    assert m["troth_renewal_due_seconds", '{of="data-key"}'] < m["troth_life_end_seconds", '{of="data-key"}'], "lives"
    sock = subprocess.run(["curl", "-sS", "--unix-socket", os.path.join(c.state, "admin.sock"), "http://x/metrics"],
                          capture_output=True, text=True, check=True)
    after = samples(sock.stdout)
    expect(set(m) - set(after), set(), "the same by the socket")


def every_route(admin, dev, monitor):
    """The whole table: nobody but administrators is let in where it says so, and administrators see the same as by the socket."""
    with open(os.path.join(SRC, "admin", "routes.c"), encoding="utf-8") as f:
        rows = re.findall(r'\{ HTTP1_(\w+), "([^"]+)", \w+, ADMIN_NEEDS_(\w+),', f.read())
    assert len(rows) > 30, rows
    for method, path, need in rows:
        path = ("/-/admin" if path.startswith("/v1/") else "") + path.replace("*", "x")
        for who, name in ((dev, "ADMIN READER"), (monitor, "ADMIN")):
            # Without a body, and with one that is none: what it says is not looked at.
            for body in (None, "["):
                status = ask(who, method, path, body=body)[0]
                expect(status == 403, need in name.split(), "%s %s for %s: %d" % (method, path, who.originator, status))
        if method == "GET" and "x" not in path.split("/"):
            assert ask(admin, method, path)[0] in (200, 400), path


def main():
    with Cse(sets=["cse.loops=3", "admin.metrics_readers=CMonitor"]) as c:
        c.start()
        c.issue("admin", "--kind", "admin", "--ae", "CAdmin")
        for name in ("CDev1", "CMonitor"):
            c.issue(name, "--ae", name)
        # Connections lie on any of the loops.
        admins = [c.client("admin", "CAdmin") for _ in range(8)]
        dev, monitor = c.client("CDev1"), c.client("CMonitor")
        for a in admins:
            status, j = ask_json(a, "GET", "/-/admin/v1/status")
            expect((status, j["cse"]), (200, "//troth.example/id-in/cse-in"), "status")
            status, j = ask_json(a, "POST", "/-/admin/v1/events/verify")
            expect((status, j["chain"]), (200, "whole"), "work of a worker")
        admin = admins[0]
        status, j = ask_json(admin, "POST", "/-/admin/v1/zones/7")
        expect((status, j), (200, {"zone": 7}), "a commit")
        expect(ask_json(admin, "GET", "/-/admin/v1/zones")[1], [{"zone": 1, "reaches": []}, {"zone": 7, "reaches": []}], "zones")
        expect(ask(admin, "GET", "/-/admin/v1/nothing")[0], 404, "no such path")
        expect(ask(admin, "DELETE", "/-/admin/v1/status")[0], 405, "no such method")

        # Others: refused alike whatever there is, an event names them.
        for path in ("/-/admin/v1/status", "/-/admin/v1/nothing", "/-/admin/v1/credentials"):
            status, j = ask_json(dev, "GET", path)
            expect((status, list(j)), (403, ["error"]), "a device's " + path)
        every_route(admin, dev, monitor)
        events = ask(admin, "GET", "/-/admin/v1/events")[1].decode()
        assert '"administration"' in events, events[-600:]

        # Health: any certificate; metrics: administrators and those who are listed.
        for who in (admin, dev, monitor):
            expect(ask_json(who, "GET", "/-/live"), (200, {"live": True}), "live")
            expect(ask_json(who, "GET", "/-/ready"), (200, {"ready": True}), "ready")
            status, text, headers = ask(who, "HEAD", "/-/live")
            expect((status, text, headers["Content-Length"]), (200, b"", "13"), "HEAD")
        metrics(c, admin, monitor, dev)
        expect(ask(monitor, "GET", "/-/admin/v1/status")[0], 403, "who reads metrics is no administrator")

        # A page of a browser that holds the administrator's certificate.
        for h in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            expect(ask(admin, "POST", "/-/admin/v1/zones/8", headers=h)[0], 403, "a page")
        expect(len(ask_json(admin, "GET", "/-/admin/v1/zones")[1]), 2, "zones after the page")
        expect(ask(admin, "POST", "/-/admin/v1/acp/why", body={"x": "y" * 70000})[0], 413, "a large body")

        # With X-M2M-RI such a path is a resource like others.
        register(dev, "CDev1", "live")
        must(dev.get("/-/live"), 2000, "a resource named live")
        expect(ask_json(dev, "GET", "/-/live"), (200, {"live": True}), "live beside it")

        # Whoever is suspended is no administrator any more, at once.
        ids = {x["names"][0]: x["id"] for x in ask_json(admin, "GET", "/-/admin/v1/credentials")[1]}
        expect(ask(admin, "POST", "/-/admin/v1/credentials/%s/suspend" % ids["CDev1"])[0], 200, "suspension")
        try:
            ask(dev, "GET", "/-/live")
            raise AssertionError("a suspended credential is answered")
        except OSError:
            pass
        # Calls under way at the end do not hold it up.
        for a in admins:
            a.conn.request("POST", "/-/admin/v1/events/verify")
        expect(c.stop(), 0, "the end")
    print("%d passed, 0 failed" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
