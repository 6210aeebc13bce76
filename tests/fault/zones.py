#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Zones over HTTPS: made by trothctl, kept over a restart; what another zone holds looks like what is not there."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

NOT_FOUND = 4004


def main():
    with Cse() as c:
        c.start()
        c.issue("CA1", "--ae", "CA1")
        r = c.trothctl("ca", "issue", "--name", "CB1", "--ae", "CB1", "--zone", "7", "--out", c.creds, check=False)
        assert r.returncode == 1 and "zone" in r.stderr, r.stderr
        c.trothctl("zone", "make", "7")
        assert c.trothctl("zone", "make", "0", check=False).returncode == 2
        # Events are durable soon, and when they were read: the kill shall not take the one of the zone.
        c.trothctl("events")
        c.kill()
        c.start()
        c.issue("CB1", "--ae", "CB1", "--zone", "7")
        a, b = c.client("CA1"), c.client("CB1")
        register(a, "CA1")
        register(b, "CB1")
        for client, other, absent in ((a, "CB1", "CX1"), (b, "CA1", "CX1")):
            for form in ("/cse-in/%s", "/%s", "/~/id-in/%s"):
                hidden, gone = (must(client.get(form % n), NOT_FOUND, form % n) for n in (other, absent))
                assert hidden.body == gone.body, (hidden.body, gone.body)
            assert other not in client.get("/cse-in?rcn=6").body.decode()
        must(b.get("/cse-in/CB1"), 2000, "its own")
        assert c.trothctl("zone", "list").stdout == "zone 1\nzone 7\n"
        r = c.trothctl("conduit", "open", "1", "9", check=False)
        assert r.returncode == 1 and "no zone 9" in r.stderr, r.stderr
        assert c.trothctl("conduit", "open", "7", "7", check=False).returncode == 2
        why = c.trothctl("acp", "why", "CA1", "retrieve", "cse-in/CB1").stdout
        assert "does not reach" in why and why.endswith("denied\n"), why
        c.trothctl("conduit", "open", "1", "7")
        assert c.trothctl("zone", "list").stdout == "zone 1 reaches 7\nzone 7\n"
        must(a.get("/cse-in/CB1"), 4103, "through the conduit: there, and not for it")
        why = c.trothctl("acp", "why", "CA1", "retrieve", "cse-in/CB1").stdout
        assert "not the creator" in why and why.endswith("denied\n"), why
        c.kill()
        c.start()
        a.close()
        must(a.get("/cse-in/CB1"), 4103, "the conduit is kept")
        c.trothctl("conduit", "close", "1", "7")
        must(a.get("/cse-in/CB1"), NOT_FOUND, "closed again")
        log = c.trothctl("events", "--reveal").stdout
        for what in ("zone 7 made", "conduit 1 7 open", "conduit 1 7 closed"):
            assert "EV_ZONE_CHANGED" in log and what in log, log
        assert "whole" in c.trothctl("events", "verify").stdout
        print("zones: made, kept, and closed to each other")


if __name__ == "__main__":
    main()
