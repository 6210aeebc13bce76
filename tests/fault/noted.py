#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real trothd is killed right after it has answered an administrator's change: the security event of the change is there after the
next start, for each kind of change; the chain of events is whole.

noted.py [--rounds N]: so many times all changes (2); exit status 0 only if every check held."""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse  # noqa: E402


def changes(k):
    """What is asked, and the event that tells of it; {dev} stands for the device's id."""
    zone = 10 + k
    return (
        ("POST", "/v1/zones/%d" % zone, None, "EV_ZONE_CHANGED"),
        ("POST", "/v1/conduits/1-%d/open" % zone, None, "EV_ZONE_CHANGED"),
        ("POST", "/v1/devices", {"name": "other%d" % k}, "EV_CREDENTIAL_STATE"),
        ("POST", "/v1/devices/{dev}/code", {}, "EV_CREDENTIAL_STATE"),
        ("POST", "/v1/credentials/{dev}/suspend", None, "EV_CREDENTIAL_STATE"),
        ("POST", "/v1/credentials/{dev}/resume", None, "EV_CREDENTIAL_STATE"),
        ("POST", "/v1/log/level", {"level": "warn"}, "EV_SETTINGS"),
        ("POST", "/v1/limits", {"json_depth": 20 + k}, "EV_SETTINGS"),
        ("POST", "/v1/reload", None, "EV_SETTINGS"),
        ("POST", "/v1/server/rotate", None, "EV_KEY_ROTATED"),
        ("POST", "/v1/keys/rotate", None, "EV_KEY_ROTATED"),
    )


def total(cse, event):
    return sum(e.get("n", 1) for e in cse.events(event))


def run(cse, rounds):
    cse.start()
    status, device = cse.admin("POST", "/v1/devices", {"name": "first"})
    assert status == 201, device
    for k in range(rounds):
        for method, path, body, event in changes(k):
            before = total(cse, event)
            status, text = cse.admin(method, path.replace("{dev}", device["id"]), body)
            cse.kill()
            assert status in (200, 201), "%s: %d %s" % (path, status, text)
            cse.start()
            assert total(cse, event) == before + 1, "%s was answered, and its %s is not among the events" % (path, event)
    assert cse.admin("POST", "/v1/events/verify")[1]["chain"] == "whole"
    print("noted: %d changes, each with its event after a kill" % (rounds * len(changes(0))))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--rounds", type=int, default=2)
    args = a.parse_args()
    with Cse(sets=["log.level=warn"]) as cse:
        run(cse, args.rounds)


if __name__ == "__main__":
    main()
