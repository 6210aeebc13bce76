#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A request identifier comes again.  Changed while the first is pending: 4105, and the credential is locked; unchanged: 4105 only;
after the answer it is a new request (TS-0001 7.1.7), whatever it says."""
import os
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

CONFLICT = 4105


def put(client, value, rqi, wait=None, originator=None):
    headers = {"X-M2M-RI": rqi}
    if wait:
        headers["X-M2M-OET"] = str(wait)  # milliseconds until it is carried out: it is pending meanwhile
    return client.create("/cse-in/%s/box" % (originator or client.originator), 4, {"m2m:cin": {"con": value}}, headers=headers,
                         originator=originator)


def requests(c):
    """How many have reached the gate."""
    return c.admin("GET", "/v1/status")[1]["counters"]["troth_requests_total"]


class Pending:
    """A request that another connection of the same credential has sent and waits for."""

    def __init__(self, c, name, value, rqi, originator=None):
        self.client, self.answer = c.client(name), None
        self.client.connect()
        before = requests(c)
        self.thread = threading.Thread(target=self.run, args=(value, rqi, originator))
        self.thread.start()
        while requests(c) == before:
            time.sleep(0.01)

    def run(self, value, rqi, originator):
        try:
            self.answer = put(self.client, value, rqi, wait=1500, originator=originator)
        except (ssl.SSLError, OSError, EOFError) as e:
            self.answer = e

    def join(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.answer


def main():
    with Cse() as c:
        c.start()
        c.issue("CDev1", "--ae", "CDev1")
        c.issue("CDev2", "--ae", "CDev2")
        c.issue("gw", "--kind", "gateway", "--ae", "CGw*", "--max-ae", "10")
        dev, other, gw = c.client("CDev1"), c.client("CDev2"), c.client("gw", "CGw1")
        for client in (dev, other, gw):
            register(client, client.originator)
            must(client.create("/cse-in/" + client.originator, 3, {"m2m:cnt": {"rn": "box"}}), 2001, "container")
        register(gw, "CGw2")
        # The same identifier after the answer, with the same and with another content.
        for value in ("a", "a", "b"):
            must(put(dev, value, "one"), 2001, "after the answer")
        # The same request while it is pending.
        first = Pending(c, "CDev1", "x", "two")
        a = must(put(dev, "x", "two"), CONFLICT, "the same")
        assert b"carried out" in a.body, a.body
        must(put(other, "y", "two"), 2001, "the same identifier of somebody else")
        must(first.join(), 2001, "the first")
        assert not c.events("EV_REPLAY") and not c.events("EV_LOCKED")
        # Another content while it is pending, behind a gateway: that name of that gateway.
        first = Pending(c, "gw", "x", "three", originator="CGw1")
        must(put(gw, "x", "three"), CONFLICT, "the same behind a gateway")
        must(put(gw, "forged", "three"), CONFLICT, "changed behind a gateway")
        must(gw.get("/cse-in/CGw2", originator="CGw2"), 2000, "another name behind it")
        must(gw.get("/cse-in/CGw1"), 4106, "the name that it was done with")
        must(first.join(), 4106, "the first, judged when its time comes")
        # Of a device: the credential.
        first = Pending(c, "CDev1", "x", "four")
        must(put(dev, "forged", "four"), CONFLICT, "changed")
        assert isinstance(first.join(), Exception), "the device's other connection went on"
        try:
            dev.close()
            assert dev.get("/cse-in").rsc == 4106
        except (ssl.SSLError, OSError):
            pass
        must(other.get("/cse-in/CDev2"), 2000, "everybody else")
        rows = c.events("EV_REPLAY")
        assert [r["name"] for r in rows] == ["CGw1", "CDev1"], rows
        locks = c.admin("GET", "/v1/locks")[1]
        assert sorted(k["strike"] for k in locks) == ["STRIKE_REPLAY"] * 2 and {k.get("originator") for k in locks} == {"CGw1", None}, locks
        c.release("CDev1")
        c.release("CGw*")
        dev.close()
        must(dev.get("/cse-in/CDev1"), 2000, "released")
        must(gw.get("/cse-in/CGw1"), 2000, "released")
        values = [x["con"] for x in dev.get("/cse-in/CDev1/box?rcn=8").json()["m2m:cnt"]["m2m:cin"]]
        assert "forged" not in values, values
        assert c.stop() == 0
        print("replays: changed while pending refused and locked, unchanged refused, answered ones are over")


if __name__ == "__main__":
    main()
