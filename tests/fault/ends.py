#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The server's certificate lives a minute and cannot be renewed: said at 50, 75 and 90 % of its life, at its end every connection is
closed and none accepted, administration goes on; when the disk is mended service is back by itself."""
import http.client
import os
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register, until  # noqa: E402

passed = 0
LIFE = 60


def ok(what):
    global passed
    passed += 1
    print("ok      " + what)


def row(c):
    status, rows = c.admin("GET", "/v1/rotations")
    assert status == 200, rows
    return next(r for r in rows if r["name"] == "server-certificate")


def is_closed(k):
    """Has the server ended this idle connection?"""
    k.conn.sock.setblocking(False)
    try:
        return k.conn.sock.recv(1) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except (ssl.SSLError, OSError):
        return True
    finally:
        k.conn.sock.setblocking(True)


def answered(c):
    k = c.client("CDev1")
    try:
        return k.get("/cse-in/CDev1").rsc == 2000
    except (OSError, http.client.HTTPException):
        return False
    finally:
        k.close()


def late(c):
    return len([e for e in c.events("EV_ROTATION_LATE") if "server-certificate" in str(e)])


def main():
    c = Cse(sets=["security.server_certificate_life=%ds" % LIFE])
    try:
        c.start()
        began = time.monotonic()
        c.issue("CDev1", "--ae", "CDev1")
        register(c.client("CDev1"), "CDev1")
        pem = os.path.join(c.state, "ca", "server.pem")
        os.rename(pem, pem + ".kept")
        os.mkdir(pem)
        keep = c.client("CDev1")
        must(keep.get("/cse-in/CDev1"), 2000, "before")
        time.sleep(max(0, LIFE * 0.4 - (time.monotonic() - began)))
        assert row(c)["failed"] == 0 and late(c) == 0, row(c)
        until("no try at half of the life", lambda: row(c)["failed"] > 0, LIFE * 0.2)
        assert "server.pem" in row(c)["error"], row(c)
        until("nothing said at 50 %", lambda: late(c) == 1, 5)
        ok("a renewal is tried at half of the life, and its failure said")
        until("nothing said at 75 %", lambda: late(c) == 2, LIFE * 0.3)
        until("nothing said at 90 %", lambda: late(c) == 3, LIFE * 0.2)
        must(keep.get("/cse-in/CDev1"), 2000, "shortly before the end")
        ok("it is said again at 75 and 90 %")
        until("the connection goes on", lambda: is_closed(keep), LIFE * 0.3)
        lasted = time.monotonic() - began
        assert LIFE - 3 < lasted < LIFE + 6, lasted
        assert late(c) == 4 and row(c)["stage"] == "its end", row(c)
        assert not answered(c), "a connection was accepted"
        with socket.create_connection(("127.0.0.1", c.port), 5) as s:
            s.settimeout(5)
            assert s.recv(1) == b"", "a connection is held open"
        assert "trusted" in c.trothctl("status").stdout
        ok("at its end connections are closed and refused; administration goes on")
        os.rmdir(pem)
        until("service is not back", lambda: answered(c), 10)
        assert row(c)["renewed"] >= 1 and "error" not in row(c), row(c)
        ok("when the disk is mended service is back by itself")
        assert c.stop() == 0, "trothd did not end well"
    finally:
        c.clean()
    print("%d passed, 0 failed" % passed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
