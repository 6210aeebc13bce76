#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Limits, level of the log and reload by the administrator's interface, and what the service manager hears of all that."""
import http.client
import json
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

done = 0


def expect(got, want, what):
    global done
    if got != want:
        raise AssertionError("%s: %r instead of %r" % (what, got, want))
    done += 1


class Admin(http.client.HTTPConnection):
    """The administrator's UNIX socket."""

    def __init__(self, cse):
        super().__init__("localhost", timeout=20)
        self.path = os.path.join(cse.state, "admin.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        self.request(method, path, None if body is None else json.dumps(body))
        r = self.getresponse()
        return r.status, json.loads(r.read())


def heard(sock, wanted, seconds=10):
    """The next message of the service whose first line is that; signs of life are passed over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        text = sock.recv(4096).decode()
        if text.startswith(wanted):
            return text
        if not text.startswith("WATCHDOG"):
            raise AssertionError("%r instead of %s" % (text, wanted))
    raise AssertionError("never heard: " + wanted)


def main():
    c = Cse()
    conf = os.path.join(c.dir, "troth.conf")
    open(conf, "w").close()
    c.wrap = ["/bin/sh", "-c", 'exec "$0" -c %s "$@"' % conf]
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(os.path.join(c.dir, "notify"))
    manager.settimeout(10)
    c.env = dict(os.environ, NOTIFY_SOCKET=os.path.join(c.dir, "notify"), WATCHDOG_USEC="400000")
    try:
        c.start()
        heard(manager, "READY=1\n")
        expect(heard(manager, "WATCHDOG=1"), "WATCHDOG=1\n", "a sign of life")
        a = Admin(c)
        c.issue("CDev1", "--ae", "CDev1")
        dev = c.client("CDev1")
        register(dev, "CDev1")
        big = {"m2m:cnt": {"lbl": ["x" * 3000]}}
        must(dev.create("/cse-in/CDev1", 3, big), 2001, "a body of 3 kB")

        rows = {r["name"]: r for r in a.ask("GET", "/v1/limits")[1]}
        expect((rows["https.max_body"]["value"], rows["https.max_body"]["least"], rows["https.max_body"]["most"]),
               ("1M", "1k", "64M"), "a limit as it is shown")
        assert "cse.loops" not in rows and "limits.json_depth" in rows, "which are limits"
        status, changed = a.ask("POST", "/v1/limits", {"https.max_body": "2k", "json_depth": 20})
        expect((status, [(r["name"], r["value"], r["origin"]) for r in changed]),
               (200, [("https.max_body", "2k", "administrator"), ("limits.json_depth", "20", "administrator")]), "limits set")
        heard(manager, "RELOADING=1\nMONOTONIC_USEC=")
        heard(manager, "READY=1\n")
        # The binding takes new options over on its loops.
        deadline = time.monotonic() + 5
        while c.client("CDev1").create("/cse-in/CDev1", 3, big).status != 413:
            assert time.monotonic() < deadline, "the limit is not valid"
        must(dev.get("/cse-in/CDev1"), 2000, "the connection from before")

        # All of it or nothing.
        for body, why in (({"https.max_body": "1M", "json_depth": 9999}, "out of range"), ({"https.listen": "x"}, "no limit"),
                          ({"cse.loops": 3}, "no limit"), ({}, "object"), ([1], "object"), ({"json_depth": True}, "must be"),
                          ({"json_depth": 9, "limits.json_depth": 9}, "twice"), ({"json_depth": "9" * 100}, "longer")):
            status, j = a.ask("POST", "/v1/limits", body)
            expect((status, why in j["error"]), (400, True), "%s: %s" % (body, j))
        config = {r["name"]: r for r in a.ask("GET", "/v1/config")[1]}
        expect((config["https.max_body"]["value"], config["limits.json_depth"]["value"], config["cse.name"]["value"],
                config["cse.state"]["origin"]), ("2k", "20", "cse-in", "command line"), "configuration")
        expect(a.ask("POST", "/v1/limits", {"https.max_body": None})[1][0]["value"], "1M", "taken back")
        expect(a.ask("POST", "/v1/limits", {"https.max_body": None})[1][0]["origin"], "default", "taken back twice")

        # Reload: what was set stays, a bad file changes nothing and is told.
        with open(conf, "w") as f:
            f.write("[https]\nmax_line = 4k\n[log]\nlevel = warn\n")
        expect(a.ask("POST", "/v1/reload"), (200, {"reload": "done"}), "reload")
        config = {r["name"]: r for r in a.ask("GET", "/v1/config")[1]}
        expect((config["https.max_line"]["value"], config["limits.json_depth"]["value"]), ("4k", "20"), "after the reload")
        assert config["https.max_line"]["origin"].endswith("troth.conf:2"), config["https.max_line"]
        expect(a.ask("GET", "/v1/log/level"), (200, {"level": "warn"}), "level")
        with open(conf, "a") as f:
            f.write("[cse]\nname = other\n")
        status, j = a.ask("POST", "/v1/reload")
        expect((status, "cse.name" in j["error"] and "restart" in j["error"]), (409, True), "a reload that cannot be")
        heard(manager, "RELOADING=1\n") and heard(manager, "READY=1\n")

        expect(a.ask("POST", "/v1/log/level", {"level": "debug"}), (200, {"level": "debug"}), "debug")
        expect(a.ask("POST", "/v1/log/level", {"level": "loud"})[0], 400, "no level")
        expect(a.ask("GET", "/v1/log/level"), (200, {"level": "debug"}), "level stays")
        events = c.trothctl("events").stdout
        assert "SETTINGS" in events, events
        while True:
            try:
                manager.settimeout(0.05)
                manager.recv(4096)
            except socket.timeout:
                break
            except OSError:
                break
        manager.settimeout(10)
        expect(c.stop(), 0, "the end")
        heard(manager, "STOPPING=1\n")
    finally:
        manager.close()
        c.clean()
    print("%d passed, 0 failed" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
