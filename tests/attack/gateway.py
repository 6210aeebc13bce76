#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a gateway may not say: the administrator, a CSE, us, an originator with a credential of its own, one of another zone; what it
vouches for is no authenticated originator; every refusal names gateway and originator."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

FALSE = ("CAdmin", "/id-in/CAdmin", "/id-in", "//troth.example/id-in", "/mn1", "/mn1/CX", "CDev1", "/id-in/CDev1", "CUnused", "COther")
NOBODY = ("CZ", "SZ", "/mn7")


def main():
    with Cse() as c:
        c.start()
        c.trothctl("zone", "make", "7")
        c.issue("CDev1", "--ae", "CDev1")
        c.issue("CUnused", "--ae", "CUnused")
        c.issue("mn1", "--kind", "cse", "--cse", "/mn1")
        c.issue("gw", "--kind", "gateway", "--ae", "C*", "--max-ae", "10")
        c.issue("gw7", "--kind", "gateway", "--ae", "COther*", "--max-ae", "10", "--zone", "7")
        dev, gw, gw7 = c.client("CDev1"), c.client("gw", "CGw1"), c.client("gw7", "COther")
        register(dev, "CDev1")
        register(gw, "CGw1")
        register(gw7, "COther")
        for who in FALSE:
            for method, path in (("GET", "/cse-in"), ("GET", "/cse-in/CDev1"), ("DELETE", "/cse-in/CDev1")):
                a = gw.request(method, path, originator=who)
                assert a.rsc in (4106, 4000), (who, method, path, a.rsc)
        for who in NOBODY:
            assert gw.get("/cse-in", originator=who).rsc in (4106, 4103), who
        # Neither a registration makes the name its own.
        for who in ("CUnused", "CDev1", "COther", "CAdmin"):
            body = {"m2m:ae": {"rn": "stolen", "api": "Ntroth.test", "rr": False, "srv": ["3"]}}
            must(gw.create("/cse-in", 2, body, originator=who), 4106, "registration as " + who)
        # What is vouched for is not authenticated (acaf), what a device proves is.
        acp = {"m2m:acp": {"rn": "pol", "pv": {"acr": [{"acor": ["CDev1", "CGw1"], "acop": 63, "acaf": True}]},
                           "pvs": {"acr": [{"acor": ["CDev1"], "acop": 63}]}}}
        must(dev.create("/cse-in/CDev1", 1, acp), 2001, "policy")
        must(dev.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "box", "acpi": ["cse-in/CDev1/pol"]}}), 2001, "container")
        must(dev.get("/cse-in/CDev1/box"), 2000, "proved by its own channel")
        must(gw.get("/cse-in/CDev1/box"), 4103, "vouched for by a gateway")
        # All of it on connections that go on; the others were never locked.
        must(gw.get("/cse-in/CGw1"), 2000, "the gateway goes on")
        must(dev.get("/cse-in/CDev1"), 2000, "the device goes on")
        rows = c.events("EV_FALSE_ORIGINATOR")
        gateway = next(x["id"] for x in c.admin("GET", "/v1/credentials")[1] if x["names"] == ["C*"])
        assert all(r["credential"] == gateway for r in rows), rows
        named = {r.get("name") for r in rows}
        assert {"CAdmin", "CDev1", "CUnused", "COther", "/mn1", "/id-in"} <= named, named
        locked = {k["originator"] for k in c.admin("GET", "/v1/locks")[1] if k["id"] == gateway}
        assert {"CAdmin", "CDev1", "CUnused", "COther", "/mn1", "/id-in"} <= locked and not locked & {"CZ", "SZ", "/mn7"}, locked
        assert c.stop() == 0
        print("a gateway: %d false names refused, none of their owners locked, nor the gateway" % len(FALSE))


if __name__ == "__main__":
    main()
