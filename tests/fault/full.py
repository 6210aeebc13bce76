#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is really full: nothing acknowledged is lost, DELETE and revocation work, room that was made is used again.

It fills a small tmpfs in a mount namespace of its own; where this machine permits none, it says so and passes."""
import os
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register, until  # noqa: E402

CREATED, DELETED, UPDATED, FAILED = 2001, 2002, 2004, 5000
BIG = {"m2m:cin": {"con": "z" * 40000}}


def fill(path):
    """A foreign file takes what is left."""
    with open(path, "wb", 0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            return


def store_until_full(d, container):
    for n in range(1000):
        a = d.create(container, 4, BIG)
        if a.rsc != CREATED:
            return n, must(a, FAILED, "a CREATE on the full disk")
    raise AssertionError("the disk never became full")


def cni(d, container):
    return d.get(container + "?atrl=cni").json()["m2m:cnt"]["cni"]


def shut_out(client):
    try:
        client.close()
        a = client.get("/cse-in")
    except (ssl.SSLError, OSError, EOFError):
        return
    raise AssertionError("revoked, and answered %s" % a.rsc)


def main(disk):
    c = Cse(folder=os.path.join(disk, "d"), log="/dev/null", sets=["store.ballast=2M"])
    try:
        with open(os.path.join(disk, "foreign"), "wb") as f:
            f.write(b"x" * (6 << 20))
        c.start()
        for name in ("CDev1", "CDev2", "CDev3"):
            c.issue(name, "--ae", name)
        d, e, lost = c.client("CDev1"), c.client("CDev2"), c.client("CDev3")
        register(lost, "CDev3")
        register(d, "CDev1")
        register(e, "CDev2")
        for rn in ("a", "b"):
            must(d.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": rn}}), CREATED, "container")
        for _ in range(80):
            must(d.create("/cse-in/CDev1/b", 4, BIG), CREATED, "instance")
        kept, _ = store_until_full(d, "/cse-in/CDev1/a")
        time.sleep(0.5)  # probes must leave the room that the ballast gave
        assert cni(d, "/cse-in/CDev1/a") == kept and cni(d, "/cse-in/CDev1/b") == 80
        must(d.delete("/cse-in/CDev1/b"), DELETED, "DELETE on the full disk")
        until("deleted instances are room again", lambda: d.create("/cse-in/CDev1/a", 4, BIG).rsc == CREATED)
        kept = cni(d, "/cse-in/CDev1/a")
        # It goes on without the ballast, which comes back by itself as soon as there is room for it outside.
        ballast = os.path.join(c.state, "ballast")
        assert not os.path.exists(ballast)
        os.unlink(os.path.join(disk, "foreign"))
        until("the ballast is there again", lambda: os.path.exists(ballast) and os.stat(ballast).st_size == 2 << 20)
        with open(os.path.join(disk, "foreign"), "wb") as f:
            f.write(b"x" * (4 << 20))

        more, _ = store_until_full(d, "/cse-in/CDev1/a")
        fill(os.path.join(disk, "filler"))
        # Not one page is left: every request is answered, security events that cannot be written stop none.
        for i in range(5):
            must(d.create("/cse-in/CDev1/a", 4, BIG), FAILED, "CREATE without any room")
            assert d.get("/cse-in/CDev2").rsc == 4103
            assert e.get("/cse-in/CDev2").rsc == 2000
        # Revocation acts at once all the same, and outlives a kill: the ledger keeps room for it.
        ident = [k["id"] for k in c.admin("GET", "/v1/credentials")[1] if k["names"] == ["CDev3"]][0]
        status, body = c.admin("POST", "/v1/credentials/%s/revoke" % ident)
        assert status == 200, body
        shut_out(lost)
        # Something small may still find room in the log's own file: it is stored then, or refused with a sentence.
        r = c.trothctl("zone", "make", "9", check=False)
        zones = c.trothctl("--json", "zone", "list").stdout
        assert r.returncode == 1 and "could not be stored" in r.stderr or r.returncode == 0 and "9" in zones, (r.stderr, zones)
        r = c.trothctl("ca", "issue", "--name", "late", "--ae", "CLate", "--out", c.creds, check=False)
        known = c.trothctl("--json", "credential", "list").stdout
        assert (r.returncode == 1 and "could not be stored" in r.stderr and "CLate" not in known
                or r.returncode == 0 and "CLate" in known), (r.stderr, known)
        os.unlink(os.path.join(disk, "filler"))
        os.unlink(os.path.join(disk, "foreign"))
        until("recovered without help", lambda: d.put("/cse-in/CDev1", {"m2m:ae": {"lbl": ["x"]}}).rsc == UPDATED)
        assert cni(d, "/cse-in/CDev1/a") == kept + more
        c.kill()
        c.start()
        d.close()
        shut_out(lost)
        assert cni(d, "/cse-in/CDev1/a") == kept + more
        print("full disk: %d instances kept, deletion and recovery work" % (kept + more))
    finally:
        c.clean()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(sys.argv[1])
        sys.exit(0)
    script = 'd=$(mktemp -d) && mount -t tmpfs -o size=18m,mode=700 tmpfs "$d" || exit 77; "$0" "$1" "$d"; r=$?; umount "$d"; rmdir "$d"; exit $r'
    flags = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
    r = subprocess.run(["unshare"] + flags + ["sh", "-c", script, sys.executable, os.path.abspath(__file__)],
                       stderr=subprocess.PIPE, text=True)
    sys.stderr.write(r.stderr)
    if r.returncode == 77 or "unshare:" in r.stderr:
        print("full disk: not tried, for this machine permits no mount namespace")
        sys.exit(0)
    sys.exit(r.returncode)
