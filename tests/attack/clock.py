#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody turns the wall clock, ahead and back, while trothd runs and while it is off: it is doubted, time-bound permits deny, nothing
expires, locks and revocation hold, until the clock is right again or the administrator says that it is."""
import os
import shutil
import ssl
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register, until  # noqa: E402

HOUR = 3600


class Shim:
    """A preloaded library that moves the wall clock of trothd."""

    def __init__(self, folder):
        self.file, self.lib = os.path.join(folder, "offset"), os.path.join(folder, "shim.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_shim.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", self.lib, source], check=True)
        self.turn(0)

    def env(self):
        return dict(os.environ, LD_PRELOAD=self.lib, SHIM_CLOCK=self.file)

    def turn(self, seconds):
        mode = "r+b" if os.path.exists(self.file) else "wb"
        with open(self.file, mode) as f:
            f.write(struct.pack("<q", int(seconds * 1e9)))


def doubtful(c):
    return c.admin("GET", "/v1/status")[1]["clock"] == "doubtful"


def shut_out(client):
    try:
        client.close()
        return client.get("/cse-in").rsc == 4106
    except (ssl.SSLError, OSError):
        return True


def policies(owner):
    """box: CTwo may always read it; timed: at any time of the day, which needs a clock."""
    for name, rule in (("box", {}), ("timed", {"acco": [{"actw": ["* * * * * *"]}]})):
        acr = [dict({"acor": ["CTwo"], "acop": 2}, **rule), {"acor": ["COne"], "acop": 63}]
        acp = {"m2m:acp": {"rn": "p" + name, "pv": {"acr": acr}, "pvs": {"acr": [{"acor": ["COne"], "acop": 63}]}}}
        must(owner.create("/cse-in/COne", 1, acp), 2001, "policy")
        cnt = {"m2m:cnt": {"rn": name, "acpi": ["cse-in/COne/p" + name]}}
        must(owner.create("/cse-in/COne", 3, cnt), 2001, "container")
    et = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() + HOUR))
    must(owner.create("/cse-in/COne", 3, {"m2m:cnt": {"rn": "brief", "et": et}}), 2001, "what lives an hour")


def turned(c, shim, seconds, one, two):
    """While it runs.  Connections that are there stay."""
    must(two.get("/cse-in/COne/timed"), 2000, "with a trusted clock")
    shim.turn(seconds)
    until("the clock is not doubted", lambda: doubtful(c))
    must(two.get("/cse-in/COne/box"), 2000, "a permit without time")
    must(two.get("/cse-in/COne/timed"), 4103, "a permit by time")
    must(one.get("/cse-in/COne/brief"), 2000, "what would have expired")
    shim.turn(0)
    until("the clock is not trusted again", lambda: not doubtful(c))
    must(two.get("/cse-in/COne/timed"), 2000, "trusted again")
    must(one.get("/cse-in/COne/brief"), 2000, "still there")


def locks_hold(c, shim, liar, late):
    """A lock for mistakes does not end early, an attack locks, a revocation acts."""
    for _ in range(3):
        must(late.get("/cse-in/CLate", originator="CNobody"), 4106, "a mistake")
        late.close()
    shim.turn(2 * HOUR)
    until("the clock is not doubted", lambda: doubtful(c))
    assert shut_out(late), "a clock that was turned ended a lock"
    must(liar.get("/cse-in/COne", originator="COne"), 4106, "a lie")
    assert shut_out(liar), "a liar under a doubtful clock"
    c.release("CLate")
    late.close()
    must(late.get("/cse-in/CLate"), 2000, "released under a doubtful clock")
    c.admin("POST", "/v1/credentials/%s/revoke" % c.credential("CLate"))
    assert shut_out(late), "revoked under a doubtful clock"


def starts(c):
    try:
        c.start()
        return True
    except RuntimeError:
        assert "not yet valid" in c.log_tail(), c.log_tail(500)
        return False


def main(folder):
    try:
        shim = Shim(folder)
    except (OSError, subprocess.CalledProcessError):
        print("there is no compiler for the preloaded clock")
        return 77
    with Cse(env=shim.env(), sets=["access.six_field_windows=true"]) as c:
        c.start()
        clients = []
        for name in ("COne", "CTwo", "CLiar", "CLate"):
            c.issue(name, "--ae", name)
            clients.append(c.client(name))
            register(clients[-1], name)
        one, two, liar, late = clients
        policies(one)
        turned(c, shim, 2 * HOUR, one, two)
        turned(c, shim, -24 * HOUR, one, two)
        locks_hold(c, shim, liar, late)
        shim.turn(0)
        until("the clock is not trusted again", lambda: not doubtful(c))
        c.kill()
        # While it was off: before its last commit.  Before its certificates, too, it does not even start.
        for back in (-600, -24 * HOUR):
            shim.turn(back)
            if starts(c):
                until("an early clock is not doubted", lambda: doubtful(c))
                assert [k["strike"] for k in c.admin("GET", "/v1/locks")[1]] == ["STRIKE_FALSE_ORIGINATOR"]
                c.kill()
        shim.turn(0)
        c.start()
        until("the right clock is doubted", lambda: not doubtful(c))
        for client in (one, two):
            client.close()
        must(one.get("/cse-in/COne/brief"), 2000, "what lives an hour")
        assert shut_out(liar) and shut_out(late)
        # An administrator who takes a turned clock for right: what it says has passed is over.
        shim.turn(2 * HOUR)
        until("the clock is not doubted", lambda: doubtful(c))
        c.trothctl("clock", "accept")
        until("the clock is not accepted", lambda: not doubtful(c))
        until("nothing expires", lambda: one.get("/cse-in/COne/brief").rsc == 4004)
        rows = c.events("EV_CLOCK_DOUBTFUL")
        assert len(rows) >= 5 and len(c.events("EV_CLOCK_ACCEPTED")) == 1, len(rows)
        assert "whole" in c.trothctl("events", "verify").stdout
        assert c.stop() == 0
        print("the clock: turned %d times, nothing expired, nobody was let in" % len(rows))
    return 0


if __name__ == "__main__":
    place = tempfile.mkdtemp(prefix="troth-clock-")
    try:
        sys.exit(main(place))
    finally:
        shutil.rmtree(place, ignore_errors=True)
