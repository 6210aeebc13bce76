#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every system call of a restore and of a backup that can fail does so once, each in a run of its own (strace), and the process may be
killed behind it: the next start has the old store or the new one, whole, and lets nobody in who was revoked."""
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

CALLS = "rename,renameat2,fsync,fdatasync,unlink,mkdir,rmdir,write,ftruncate,openat,pwrite64"
EACH = int(os.environ.get("TROTH_FAULT_CALLS", 5))  # instances of each call, spread over those that there are


def works(c, name):
    d = c.client(name)
    try:
        return d.get("/cse-in/%s?atrl=rn" % name).rsc == 2000
    except (OSError, ssl.SSLError):
        return False
    finally:
        d.close()


def command(c):
    return [c.trothd, "-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:%d" % c.port]


def begin(c, strace):
    """A start under strace: waits until it serves or has ended."""
    p = subprocess.Popen(["strace", "-f", "-qq"] + strace + command(c), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = time.monotonic() + 30
    while p.poll() is None and time.monotonic() < end:
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(os.path.join(c.state, "admin.sock"))
            break
        except OSError:
            time.sleep(0.01)
    return p


def end(p):
    """What it said; whether it had ended by itself."""
    ended = p.poll() is not None
    if not ended:
        os.killpg(p.pid, signal.SIGKILL)
    return p.communicate()[1], ended


def counts(log, first=None):
    """How often each call was made (up to the line that has `first`)."""
    n = {}
    with open(log, errors="replace") as f:
        for line in f:
            m = re.match(r"(?:\d+ +)?(\w+)\(", line)
            if m:
                n[m[1]] = n.get(m[1], 0) + 1
            if first and first in line:
                break
    return n


def spread(n):
    return sorted({1 + i * (n - 1) // max(1, EACH - 1) for i in range(EACH)}) if n else []


def restores(c, file):
    c.trothctl("restore", file)
    log = os.path.join(c.dir, "calls")
    end(begin(c, ["-e", "trace=" + CALLS, "-o", log]))
    # The restore is over where the data keys are opened for the run.
    total = counts(log, 'restore.ready"')
    whole = counts(log)
    cases = refused = 0
    c.start()
    c.trothctl("restore", "--accept-rollback")
    for call in CALLS.split(","):
        upto = min(whole.get(call, 0), total.get(call, 0) + 12)
        for n in spread(upto):
            c.stop()
            c.trothctl("restore", file)
            said, ended = end(begin(c, ["-o", "/dev/null", "-e", "trace=" + call, "-e", "inject=%s:error=EIO:when=%d" % (call, n)]))
            c.start()
            what = "%s %d of %d: %s" % (call, n, upto, said[-200:])
            assert not os.path.exists(os.path.join(c.state, "restore.pending")), what
            assert not os.path.exists(os.path.join(c.state, "restore.ready")), what
            assert not works(c, "CDev1") and not works(c, "CDev2"), what
            c.trothctl("store", "check")
            c.trothctl("restore", "--accept-rollback")
            assert works(c, "CDev1") and not works(c, "CDev2"), what
            cases += 1
            refused += ended
    assert refused > cases // 5, "only %d of %d failing calls were noticed" % (refused, cases)
    return cases


def backups(c, tmp):
    """A backup that fails leaves no file of that name, and trothd goes on or comes back."""
    cases = failed = 0
    for call in ("renameat2", "fsync", "mkdirat", "fchmod", "pwrite64", "write", "openat", "unlink"):
        for n in (1, 2, 3):
            file = os.path.join(tmp, "b-%s-%d" % (call, n))
            s = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(c.proc.pid), "-e", "trace=" + call, "-e",
                                  "inject=%s:error=EIO:when=%d" % (call, n)], stderr=subprocess.DEVNULL)
            while b"TracerPid:\t0" in open("/proc/%d/status" % c.proc.pid, "rb").read():
                time.sleep(0.005)
            r = c.trothctl("backup", file, check=False)
            s.send_signal(signal.SIGINT)
            s.wait()
            if c.proc.poll() is not None:  # a sync of the store itself failed: the process ends, as db/README says
                c.start()
            assert (r.returncode == 0) == os.path.exists(file), (call, n, r.stderr)
            failed += r.returncode != 0
            if r.returncode:
                assert not os.path.exists(file + ".part") or call == "unlink", (call, n, os.listdir(tmp))
            assert works(c, "CDev1")
            cases += 1
    assert failed > 3, "only %d of %d failing calls were noticed" % (failed, cases)
    c.trothctl("store", "check")
    return cases


def main():
    if not shutil.which("strace") or os.geteuid() != 0:
        print("not here: that needs strace and root")
        return 0
    with Cse() as c:
        c.start()
        for name in ("CDev1", "CDev2"):
            c.issue(name, "--ae", name)
            d = c.client(name)
            register(d, name)
            d.close()
        file, tmp = os.path.join(c.dir, "backup"), os.path.join(c.dir, "tmp")
        os.mkdir(tmp)
        c.trothctl("backup", file)
        c.trothctl("credential", "revoke", c.credential("CDev2"))
        done = backups(c, tmp)
        c.stop()
        done += restores(c, file)
        assert json.loads(c.trothctl("--json", "status").stdout).get("held") is None
        must(c.client("CDev1").get("/cse-in"), 2000, "at the end")
        assert c.stop() == 0
    print("%d failing calls of backups and restores: the old store or the new one, whole" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
