#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: a good configuration becomes valid as a whole, a bad one changes nothing and says why, no connection is dropped."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402


def reload(c, conf, text):
    """Writes the file, asks for a reload and waits for the line of the log that answers it."""
    before = c.log_tail(100000).count('"event":"RELOAD"') + c.log_tail(100000).count('"event":"CONF"')
    with open(conf, "w") as f:
        f.write(text)
    c.proc.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lines = [line for line in c.log_tail(100000).splitlines() if '"event":"RELOAD"' in line or '"event":"CONF"' in line]
        if len(lines) > before:
            return lines[-1]
        time.sleep(0.01)
    raise AssertionError("no line about the reload")


def names(client):
    """What the certificate of the server says that it is."""
    return {value for kind, value in client.conn.sock.getpeercert()["subjectAltName"] if kind in ("DNS", "IP Address")}


def main():
    c = Cse()
    conf = os.path.join(c.dir, "troth.conf")
    open(conf, "w").close()
    c.wrap = ["/bin/sh", "-c", 'exec "$0" -c %s "$@"' % conf]
    try:
        c.start()
        c.issue("CDev1", "--ae", "CDev1")
        dev = c.client("CDev1")
        register(dev, "CDev1")
        big = {"m2m:cnt": {"lbl": ["x" * 3000]}}
        must(dev.create("/cse-in/CDev1", 3, big), 2001, "a body of 3 kB")
        line = reload(c, conf, "[https]\nmax_body = 2k\n")
        assert '"RELOAD"' in line, line
        other = c.client("CDev1")
        assert other.create("/cse-in/CDev1", 3, big).status == 413, "the new limit is not valid"
        line = reload(c, conf, "[https]\nmax_body = 2k\n[log]\nlevel = loud\n")
        assert '"CONF"' in line and "troth.conf:4: log.level" in line, line
        line = reload(c, conf, "[cse]\nname = other\n")
        assert '"CONF"' in line and "troth.conf:2: cse.name" in line and "restart" in line, line
        fresh = c.client("CDev1")
        assert fresh.create("/cse-in/CDev1", 3, big).status == 413, "a refused reload changed something"
        must(dev.get("/cse-in/CDev1"), 2000, "the connection from before the reloads")
        # Names of the server's certificate: at once for who connects now; who is connected stays; what the CA does not permit changes
        # nothing.
        assert names(dev) == {"localhost", "127.0.0.1", "0:0:0:0:0:0:0:1", "id-in.troth.example"}, names(dev)
        line = reload(c, conf, "[https]\nnames = 127.0.0.1\n")
        assert '"RELOAD"' in line, line
        later = c.client("CDev1")
        must(later.get("/cse-in/CDev1"), 2000, "a connection under the new certificate")
        assert names(later) == {"127.0.0.1", "id-in.troth.example"}, names(later)
        must(dev.get("/cse-in/CDev1"), 2000, "the connection from before the reloads")
        line = reload(c, conf, "[https]\nnames = 127.0.0.1, cse.elsewhere.example\nmax_body = 3k\n")
        assert '"CONF"' in line and "constraints do not permit" in line, line
        last = c.client("CDev1")
        must(last.get("/cse-in/CDev1"), 2000, "a connection after a refused name")
        assert names(last) == {"127.0.0.1", "id-in.troth.example"}, names(last)
        assert [e["detail"] for e in c.events("EV_SETTINGS")] == ["reload"] * 2, c.events()
        assert c.stop() == 0, "trothd did not end well"
    finally:
        c.clean()
    print("11 passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
