#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP of troth-agent: a good configuration becomes valid as a whole, a bad one, or one that changes what needs a start, changes
nothing and says why; no client is dropped and no request lost."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent  # noqa: E402
from cse import Cse, must, register, until  # noqa: E402

BOX = "/cse-in/CRel/box"


class Configured(Agent):
    """Its options come from a file."""

    def args(self):
        out = super().args()
        at = out.index(self.exe) + 1
        return out[:at] + ["-c", os.path.join(self.dir, "agent.conf")] + out[at:]

    def write(self, text):
        path = os.path.join(self.dir, "agent.conf")
        made = not os.path.exists(path)
        with open(path, "w") as f:
            f.write(text)
        # Threads of this script are the agent's user for moments.
        if made and os.geteuid() == 0:
            os.chown(path, self.uid, self.uid)

    def lines(self):
        return [x for x in self.log(1000000).splitlines() if '"event":"RELOAD"' in x or '"event":"CONF"' in x]

    def reload(self, text):
        before = len(self.lines())
        self.write(text)
        self.proc.send_signal(signal.SIGHUP)
        until("a line about the reload", lambda: len(self.lines()) > before, 10)
        return self.lines()[-1]


def put(client, path=BOX):
    return client.create(path, 4, {"m2m:cin": {"con": "v"}})


def refused(a, line, *words):
    assert '"CONF"' in line and "nothing changed" in line, line
    for w in words:
        assert w in line, line


def policies(agent, old):
    must(put(old), 2001, "an instance by the first policy")
    line = agent.reload("[policy]\nleave = cse-in/CRel/other/*\n")
    assert '"RELOAD"' in line, line
    a = put(old)
    assert a.rsc == 4103, "the policy of the file does not hold for who was connected: %d" % a.rsc
    fresh = agent.client("CRel")
    assert put(fresh).rsc == 4103, "nor for others"
    # Bad as a whole: neither its good half nor its bad one.
    refused(agent, agent.reload("[policy]\nleave = *\ntake = a b\n"), "agent.conf:3", "policy.take")
    refused(agent, agent.reload("[policy]\nleave = *\n[log]\nlevel = loud\n"), "agent.conf:4", "log.level")
    refused(agent, agent.reload("[policy]\nleave = *\n[cse]\nconnections = 0\n"), "cse.connections")
    refused(agent, agent.reload("[policy]\nleave = *\n[agent]\nsocket = other.sock\n"), "agent.socket", "restart")
    refused(agent, agent.reload("[policy]\nleave = *\n[cse]\nport = 1\n"), "cse.port", "restart")
    assert put(old).rsc == 4103 and put(fresh).rsc == 4103, "a refused reload changed something"
    line = agent.reload("[policy]\nleave = *\noriginators = CNobody\n")
    assert '"RELOAD"' in line, line
    assert put(old).rsc == 4101 or put(old).status in (401, 403), "who may ask is another now"
    assert '"RELOAD"' in agent.reload("")
    must(put(old), 2001, "the defaults again")
    must(put(fresh), 2001, "for the other, too")
    fresh.close()


def numbers(agent, old):
    assert '"RELOAD"' in agent.reload("[agent]\nconnections = 1\n")
    must(put(old), 2001, "who is connected stays")
    try:
        extra = agent.client("CRel").create(BOX, 4, {"m2m:cin": {"con": "v"}})
        assert extra.status == 503, extra.status
    except OSError:
        pass  # it was not taken at all
    assert '"RELOAD"' in agent.reload("[cse]\ntimeout = 20s\nconnections = 2\n")
    must(put(agent.client("CRel")), 2001, "another connection is taken again")


def under_load(agent, rounds=12):
    """Requests go on while the configuration is read again and again, good and bad."""
    over, faults, count = threading.Event(), [], [0] * 6

    def run(i):
        client = agent.client("CRel")
        try:
            while not over.is_set():
                a = put(client)
                if a.rsc != 2001:
                    faults.append("%d %s" % (a.rsc, a.body[:200]))
                count[i] += 1
        except OSError as e:
            faults.append(repr(e))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(count))]
    for t in threads:
        t.start()
    try:
        for k in range(rounds):
            before = sum(count)
            line = agent.reload("[cse]\nidle_timeout = %ds\nmax_queue = %d\n[policy]\nleave = cse-in/*\n" % (60 + k, 500 + k) if k % 3 else "[nothing]\n")
            assert ('"RELOAD"' if k % 3 else '"CONF"') in line, line
            until("requests", lambda: sum(count) > before + 20, 20)
    finally:
        over.set()
        for t in threads:
            t.join()
    assert not faults, faults[:3]
    return sum(count)


def main():
    with Cse(sets=["log.level=warn"]) as cse:
        cse.start()
        with Configured(cse, "CRel") as agent:
            agent.write("")
            agent.enrol()
            agent.start()
            old = agent.client("CRel")
            register(old, "CRel")
            must(old.create("/cse-in/CRel", 3, {"m2m:cnt": {"rn": "box", "mni": 100}}), 2001, "container")
            sock = old.conn.sock
            policies(agent, old)
            numbers(agent, old)
            n = under_load(agent)
            must(put(old), 2001, "the connection of the beginning")
            assert old.conn.sock is sock, "a client was dropped"
            assert agent.stop() == 0
    print("agent: %d requests through reloads, no client dropped" % n)


if __name__ == "__main__":
    main()
