#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates of a minute: the agent renews by itself; without a CSE it says so louder and louder, refuses at the end, and comes back
within the time of grace, while and after which the service manager hears of it.  Takes about two minutes."""
import os
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent  # noqa: E402
from cse import Cse, must, register, until  # noqa: E402
import est  # noqa: E402


def get(client):
    try:
        return client.get("/cse-in/CDev")
    except OSError:
        client.close()
        return client.get("/cse-in/CDev")


class Manager:
    """What the service manager would hear."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        os.chmod(path, 0o777)
        self.heard = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.heard += self.sock.recv(4096).decode().split("\n")

    def count(self, what):
        return sum(h == what for h in list(self.heard))


def main():
    with Cse(sets=["security.certificate_life=60s"]) as c:
        c.start()
        with Agent(c, "CDev", notify=False) as a:
            path = os.path.join(a.dir, "notify")
            manager = Manager(path)
            a.wrap = ["env", "NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=2000000"]
            a.enrol()
            begin = time.monotonic()
            a.start()
            until("READY=1 was not said", lambda: manager.count("READY=1") == 1, 5)
            client = a.client()
            register(client, "CDev")

            until("the certificate was not renewed", lambda: est.show(c, "CDev")["generation"] == 2, 45)
            age = time.monotonic() - begin
            assert 25 < age < 36, "renewed after %.1f s of 60" % age
            must(get(client), 2000, "after renewal")
            print("renewed after %.1f s of 60" % age, flush=True)

            c.stop()
            until("the end was not said", lambda: '"DEVICE_ENDED"' in a.log(60000), 70)
            log = a.log(60000)
            for percent in (50, 75, 90):
                assert log.count("%d %% of the life" % percent) == 1, log
            assert "cannot be reached" in log
            r = get(client)
            assert r.rsc == 5103 and b"certificate has ended" in r.body, (r.rsc, r.body)
            assert a.command("status", check=False).returncode == 1
            print("said at 50, 75 and 90 %, refused at the end", flush=True)

            c.start()
            until("the device did not come back: " + a.log(), lambda: get(client).rsc == 2000, 20)
            assert est.show(c, "CDev")["generation"] == 3
            assert a.command("status").returncode == 0
            print("came back within its time of grace", flush=True)

            assert manager.count("WATCHDOG=1") >= 60, manager.heard[-3:]
            assert a.stop() == 0
            until("STOPPING=1 was not said", lambda: manager.count("STOPPING=1") == 1, 5)


if __name__ == "__main__":
    main()
