#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd units as systemd sees them: exposure at most 1.5, nothing misspelt, users and folders are made, and what the
programs really do (system calls, sockets, executable memory) fits the sandbox that the units put around them."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent  # noqa: E402
from cse import BUILD, SRC, Cse, must, register  # noqa: E402

MOST = 15  # tenths
UNITS = os.path.join(SRC, "etc", "systemd")
done = 0


def check(fine, what):
    global done
    if not fine:
        raise AssertionError(what)
    done += 1


def run(*args):
    return subprocess.run(args, capture_output=True, text=True, timeout=120, check=False)


def unit(name, folder):
    """The unit as it would be installed; its programs are those of the build."""
    with open(os.path.join(UNITS, name + ".service.in"), encoding="utf-8") as f:
        text = f.read()
    text = text.replace("@sbindir@", BUILD).replace("@bindir@", BUILD).replace("@sysconfdir@", "/etc")
    path = os.path.join(folder, name + ".service")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    check("@" not in re.sub("@(system-service|privileged)", "", text), name + ": a folder is not filled in")
    return path, text


def setting(text, name):
    return " ".join(re.findall(r"^%s=(.*)$" % name, text, re.M))


def exposure(path):
    r = run("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=%d" % MOST, path)
    check(r.returncode == 0, "exposure of %s: %s" % (path, r.stdout[-200:] + r.stderr))
    print("   " + [line for line in r.stdout.splitlines() if "exposure level" in line][0].encode("ascii", "ignore").decode())


def spelling(path):
    r = run("systemd-analyze", "verify", "--man=no", path)
    lines = [line for line in (r.stdout + r.stderr).splitlines() if os.path.basename(path) in line]
    check(not lines, "\n".join(lines))


def users_and_folders(folder):
    root = os.path.join(folder, "root")
    os.makedirs(os.path.join(root, "etc"))
    r = run("systemd-sysusers", "--root=" + root, os.path.join(UNITS, "sysusers.d", "troth.conf"))
    check(r.returncode == 0, "sysusers: " + r.stderr)
    with open(os.path.join(root, "etc", "passwd"), encoding="utf-8") as f:
        passwd = {line.split(":")[0]: line.strip().split(":") for line in f}
    for user in ("troth", "troth-agent"):
        check(int(passwd[user][2]) > 0 and passwd[user][6].endswith("nologin"), "user " + user)
    if os.geteuid():
        return
    r = run("systemd-tmpfiles", "--create", "--root=" + root, os.path.join(UNITS, "tmpfiles.d", "troth.conf"))
    check(r.returncode == 0, "tmpfiles: " + r.stderr)
    for user, path in (("troth", "var/lib/troth"), ("troth-agent", "var/lib/troth-agent"), ("troth", "var/backups/troth")):
        st = os.stat(os.path.join(root, path))
        check((st.st_mode & 0o777, st.st_uid) == (0o700, int(passwd[user][2])), "folder of " + user)


def group(name):
    """The system calls of a group of systemd's, groups in it included."""
    calls = set()
    for word in run("systemd-analyze", "syscall-filter", name).stdout.splitlines()[1:]:
        word = word.split("#")[0].strip()
        calls |= group(word) if word.startswith("@") else {word} if word else set()
    return calls


def allowed(text):
    calls = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", text, re.M):
        names = set().union(*[group(w) if w.startswith("@") else {w} for w in line.lstrip("~").split()])
        calls = calls - names if line.startswith("~") else calls | names
    return calls


def fits(trace, text, what):
    """What strace saw against SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute."""
    calls = set(re.findall(r"^(?:\d+\s+)?(\w+)\(", trace, re.M))
    # What starts the program comes before the filter does; SQLite gives its files away only where root runs it.
    beyond = calls - allowed(text) - {"execve"} - ({"fchown"} if os.geteuid() == 0 else set())
    check(len(calls) > 30 and not beyond, "%s makes system calls that its unit forbids: %s" % (what, sorted(beyond)))
    families = set(re.findall(r"\bsocket\((AF_\w+)", trace)) | set(re.findall(r"\bsocketpair\((AF_\w+)", trace))
    check(families <= set(setting(text, "RestrictAddressFamilies").split()), "%s opens sockets of %s" % (what, families))
    bad = [line for line in trace.splitlines() if "PROT_WRITE|PROT_EXEC" in line or ("mprotect(" in line and "PROT_EXEC" in line)]
    check(not bad, "%s wants memory that is written and executed: %s" % (what, bad[:2]))


def traceable():
    """Sanitizers have calls of their own, which no unit permits."""
    if not shutil.which("strace"):
        print("   no strace: system calls are not compared")
        return False
    return "libasan" not in run("ldd", os.path.join(BUILD, "trothd")).stdout


def end(proc, what):
    """Told to the program, not to strace."""
    with open("/proc/%d/task/%d/children" % (proc.pid, proc.pid), encoding="ascii") as f:
        os.kill(int(f.read().split()[0]), signal.SIGTERM)
    check(proc.wait(60) == 0, what + " did not end well")


def device(text):
    with Cse() as c:
        c.start()
        with Agent(c, "CUnit") as agent:
            agent.enrol()
            trace = os.path.join(agent.state, "trace")
            agent.wrap = ["strace", "-f", "-qq", "-o", trace]
            agent.start(60)
            client = agent.client()
            register(client, "CUnit")
            must(client.get("/cse-in/CUnit"), 2000, "a request through the agent")
            check(agent.command("status").returncode == 0, "status")
            end(agent.proc, "the agent")
            with open(trace, encoding="utf-8", errors="replace") as f:
                fits(f.read(), text, "troth-agent")


def server(folder, text):
    trace = os.path.join(folder, "trace")
    with Cse(wrap=["strace", "-f", "-qq", "-o", trace], sets=["log.level=debug"]) as c:
        c.start(60)
        c.issue("CDev1", "--ae", "CDev1")
        dev = c.client("CDev1")
        register(dev, "CDev1")
        must(dev.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "c"}}), 2001, "container")
        must(dev.create("/cse-in/CDev1/c", 4, {"m2m:cin": {"con": "x"}}), 2001, "instance")
        must(dev.get("/cse-in/CDev1/c/la"), 2000, "latest")
        for path in ("status", "events", "events verify"):
            c.trothctl(*path.split())
        r = run("curl", "-sS", "--unix-socket", os.path.join(c.state, "admin.sock"), "http://x/metrics")
        check("troth_requests_total" in r.stdout, "metrics: " + r.stderr)
        dev.close()
        end(c.proc, "trothd")
    with open(trace, encoding="utf-8", errors="replace") as f:
        fits(f.read(), text, "trothd")


def main():
    if not shutil.which("systemd-analyze"):
        print("skipped: no systemd-analyze here")
        return 77
    with tempfile.TemporaryDirectory(prefix="troth-units-") as folder:
        for name in ("trothd", "troth-agent"):
            path, text = unit(name, folder)
            exposure(path)
            spelling(path)
            if not traceable():
                continue
            if name == "trothd":
                server(folder, text)
            else:
                device(text)
        users_and_folders(folder)
    print("%d passed, 0 failed" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
