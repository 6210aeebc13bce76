#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A device's life with real processes: renewals under load, kills of the agent while it renews, a CSE that goes and comes back, another
CSE in its place, a copied state folder, suspension and revocation, and how much memory an idle agent takes."""
import http.client
import os
import random
import shutil
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent  # noqa: E402
from cse import Cse, must, register, until  # noqa: E402
import est  # noqa: E402


def note(text, *args):
    print(text % args, flush=True)


def ok(client, path="/cse-in/CDev"):
    try:
        return client.get(path).rsc == 2000
    except OSError:
        client.close()
        return False


def generation(c):
    return est.show(c, "CDev")["generation"]


def load(a, stop, failed, done, create):
    client = a.client()
    while not stop.is_set():
        try:
            r = client.create("/cse-in/CDev/data", 4, {"m2m:cin": {"con": "x"}}) if create else client.get("/cse-in/CDev")
            if r.rsc != (2001 if create else 2000):
                failed.append((r.status, r.body[:200]))
        except (OSError, http.client.HTTPException) as e:
            failed.append(e)
            client.close()
        done.append(1)
    client.close()


def renew_under_load(c, a):
    stop, failed, done = threading.Event(), [], []
    must(a.client().create("/cse-in/CDev", 3, {"m2m:cnt": {"rn": "data", "mni": 100}}), 2001, "a container")
    threads = [threading.Thread(target=load, args=(a, stop, failed, done, i % 2 == 0)) for i in range(4)]
    before = generation(c)
    for t in threads:
        t.start()
    # All have connected: making their sockets is done as another user, which is a matter of the whole process.
    until("no load", lambda: len(done) > 40, 10)
    for _ in range(8):
        a.command("renew")
    stop.set()
    for t in threads:
        t.join()
    if failed:
        print([x for x in c.log_tail(400000).split("\n") if "TLS" in x or "HTTP" in x], a.log())
    assert not failed, "%d of %d requests failed while the certificate was renewed: %s" % (len(failed), len(done), failed[:3])
    assert "generation %d," % (before + 8) in a.command("status").stdout
    note("8 renewals among %d requests, none failed", len(done))


def kills(c, a, rounds=12):
    """Whatever a kill leaves, the device goes on, and nobody takes it for a copy."""
    for i in range(rounds):
        t = threading.Thread(target=lambda: a.command("renew", check=False))
        t.start()
        time.sleep(random.random() * 0.08)
        a.proc.kill()
        a.proc.wait()
        t.join()
        a.start()
        client = a.client()
        until("after kill %d the device is not served: %s" % (i, a.log()), lambda: ok(client), 10)
        client.close()
    assert not est.events(c, "EV_CLONE"), "a kill was taken for a copy"
    a.command("renew")
    note("%d kills while renewing, generation %d", rounds, generation(c))


def end_with_grace(c, a):
    """Who has asked is answered before the agent ends, if the CSE answers soon."""
    client, got = a.client(), []
    must(client.get("/cse-in/CDev"), 2000, "before")
    os.kill(c.proc.pid, signal.SIGSTOP)
    # It stops when its last thread has heard of it.
    tasks = "/proc/%d/task/" % c.proc.pid
    until("stop", lambda: all(open(tasks + t + "/stat", encoding="ascii").read().split(")")[1].split()[0] in "Tt" for t in os.listdir(tasks)), 5)
    t = threading.Thread(target=lambda: got.append(client.get("/cse-in/CDev")))
    t.start()
    time.sleep(1)
    a.proc.terminate()
    time.sleep(0.2)
    assert a.proc.poll() is None, "it ended with a request under way"
    os.kill(c.proc.pid, signal.SIGCONT)
    t.join(10)
    must(got[0], 2000, "the request that was under way")
    assert got[0].headers.get("Connection") == "close"
    assert a.proc.wait(10) == 0
    a.start()
    note("an end waited for a request")


def cse_goes(c, a):
    client = a.client()
    must(client.get("/cse-in/CDev"), 2000, "before")
    c.stop()
    r = client.get("/cse-in/CDev")
    assert r.rsc == 5103 and b"cannot be reached" in r.body, (r.status, r.body)
    assert "cannot be reached" in a.command("status", check=False).stdout
    c.start()
    until("the agent does not find the CSE again", lambda: ok(client), 10)
    note("the CSE went and came back")


def other_cse(c, a):
    """Another authority, the same names, on the same port."""
    c.stop()
    with Cse(port=c.port) as other:
        other.start()
        r = a.client().get("/cse-in/CDev")
        assert r.rsc == 5103 and b"not trusted" in r.body, (r.status, r.body)
        r = a.command("renew", check=False)
        assert r.returncode == 1 and "not trusted" in r.stdout, r.stdout
        assert not est.events(other, "EV_CREDENTIAL_ISSUED")
        other.stop()
    c.start()
    client = a.client()
    until("the agent does not find its own CSE again", lambda: ok(client), 10)
    note("another CSE in its place got nothing")


def suspended(c, a):
    client = a.client()
    must(client.get("/cse-in/CDev"), 2000, "before")
    est.admin(c, "POST", "/v1/devices/CDev/suspend", {}, 200)
    until("a suspended device is served", lambda: not ok(client), 5)
    r = a.command("renew", check=False)
    assert r.returncode == 1 and "suspended" in r.stdout, r.stdout
    r = a.command("status", check=False)
    assert r.returncode == 1 and "suspended" in r.stdout, r.stdout
    est.admin(c, "POST", "/v1/devices/CDev/resume", {}, 200)
    until("a resumed device is not served", lambda: ok(client), 15)
    note("suspended and resumed")


def copied(c, a):
    """The folder is copied, the device goes on, and then the copy speaks: the key is at two places, so nobody may use it."""
    thief = Agent(c, "thief")
    shutil.rmtree(thief.state)
    a.stop()
    shutil.copytree(a.state, thief.state)
    for f, _, names in os.walk(thief.state):
        for n in [f] + [os.path.join(f, x) for x in names]:
            os.chown(n, thief.uid, thief.uid)
    a.start()
    a.command("renew")
    client = a.client()
    until("the device itself", lambda: ok(client), 5)
    # For ten seconds what comes with the key of before may be a straggler.
    time.sleep(11)
    thief.start()
    r = thief.client("CDev").get("/cse-in/CDev")
    assert r.rsc != 2000, "the copy is served"
    until("the copy is not noticed", lambda: est.show(c, "CDev")["state"] == "suspended", 5)
    assert est.events(c, "EV_CLONE"), "no event"
    until("the device is served though its key is at two places", lambda: not ok(client), 5)
    assert "copy of the state folder" in a.command("status", check=False).stdout
    thief.clean()
    est.admin(c, "POST", "/v1/devices/CDev/resume", {}, 200)
    until("a resumed device is not served", lambda: ok(client), 15)
    note("a copied folder is noticed, both ends are told")


def revoked(c, a):
    client = a.client()
    must(client.get("/cse-in/CDev"), 2000, "before")
    est.admin(c, "POST", "/v1/devices/CDev/revoke", {}, 200)
    until("a revoked device is served", lambda: not ok(client), 5)
    r = a.command("renew", check=False)
    assert r.returncode == 1 and "revoked" in r.stdout, r.stdout
    note("revoked")


def memory(a):
    if "ASAN_OPTIONS" in os.environ:
        return
    with open("/proc/%d/status" % a.proc.pid, encoding="ascii") as f:
        kb = [int(line.split()[1]) for line in f if line.startswith("RssAnon")][0]
    assert kb <= 6 * 1024, "the agent has %d kB of its own" % kb
    note("RssAnon of the agent after all that: %d kB", kb)


def main():
    with Cse() as c:
        c.start()
        with Agent(c, "CDev", notify=False) as a:
            a.enrol()
            a.start()
            register(a.client(), "CDev")
            renew_under_load(c, a)
            memory(a)
            kills(c, a)
            end_with_grace(c, a)
            cse_goes(c, a)
            other_cse(c, a)
            suspended(c, a)
            copied(c, a)
            revoked(c, a)
            assert a.stop() == 0
        assert c.stop() == 0


if __name__ == "__main__":
    main()
