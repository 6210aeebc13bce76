#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command of ctl.def against a real trothd: what it does, that --json is JSON, and its exit codes."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "arch"))
import tree  # noqa: E402
from cse import SRC, Cse, must, register  # noqa: E402

OK, REFUSED, USAGE, NO_TROTHD, FILE = range(5)
USED = set()
# Those that other tests play from end to end.
ELSEWHERE = {}


def commands():
    with open(os.path.join(SRC, "tools", "ctl.def"), encoding="utf-8") as f:
        return [a[0] for _, macro, a in tree.rows(f.read()) if macro == "COMMAND"]


def ctl(cse, *args, code=OK, stdout=None):
    """Runs a command; its exit code must be that."""
    words = [a for a in args if not a.startswith("-")]
    USED.update(c for c in commands() if c.split() == words[:len(c.split())])
    r = subprocess.run([cse.ctl, "--state", cse.state, *args], stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=60, check=False)
    assert r.returncode == code, "%s: %d, wanted %d: %s%s" % (" ".join(args), r.returncode, code, r.stdout, r.stderr)
    assert (code == OK) == (r.stderr == ""), "%s: %s" % (" ".join(args), r.stderr)
    return r.stdout


def ask(cse, *args):
    """The same with --json; its document."""
    return json.loads(ctl(cse, *args, "--json"))


def credentials(cse):
    out = os.path.join(cse.dir, "made")
    ctl(cse, "ca", "issue", "--name", "CDev1", "--ae", "CDev1", "--out", out)
    assert sorted(os.listdir(out)) == ["CDev1.crt", "CDev1.key", "ca.crt"]
    ctl(cse, "ca", "issue", "--name", "CDev1", "--ae", "CDev2", "--out", out, code=FILE)
    ctl(cse, "ca", "issue", "--name", "CDev2", "--ae", "CDev1", "--out", out, code=REFUSED)
    ctl(cse, "ca", "issue", "--name", "CDev2", "--ae", "CDev2", "--out", os.path.join(out, "ca.crt", "no"), code=FILE)
    made = ask(cse, "ca", "issue", "--name", "CDev3", "--ae-id", "CDev3", "--kind", "device", "--max-ae", "2", "--location", "37.53,127.02",
               "--country", "KR", "--life", "2h", "--random-stems", "--out", out)
    one = {c["id"]: c for c in ask(cse, "credential", "list")}[made["id"]]
    assert one["names"] == ["CDev3"] and one["state"] == "active" and one["maxAe"] == 2 and one["randomStems"], one
    table = ctl(cse, "credential", "list").splitlines()
    assert table[0].split()[:3] == ["id", "kind", "state"] and len(table) == 3, table
    for word, state in (("suspend", "suspended"), ("resume", "active"), ("revoke", "revoked")):
        assert ctl(cse, "credential", word, made["id"]) == ""
        assert {c["id"]: c for c in ask(cse, "credential", "list")}[made["id"]]["state"] == state
    ctl(cse, "credential", "resume", made["id"], code=REFUSED)
    ctl(cse, "credential", "revoke", "nobody", code=REFUSED)
    shown = ctl(cse, "ca", "show")
    assert "root" in shown and "issuing" in shown and "Permitted" in shown, shown
    assert ask(cse, "ca", "show")["ca"].startswith("-----BEGIN CERTIFICATE-----")


CODE = re.compile(r"^([A-Z2-7]{4}-){6}[A-Z2-7]{4}$", re.M)


def check_qr(text):
    """ISO/IEC 18004: light all around, 17 + 4 v modules, a finder pattern in three corners and none in the fourth."""
    light = {"\u2588": (1, 1), "\u2580": (1, 0), "\u2584": (0, 1), " ": (0, 0)}
    lines = [re.sub("\033[^m]*m", "", x) for x in text.splitlines() if "\033[" in x]
    dark = [[not light[c][half] for c in line] for line in lines for half in (0, 1)]
    n = len(dark[0]) - 8
    assert n % 4 == 1 and n >= 21 and len(dark) in (n + 8, n + 9), "%d modules" % n
    assert not any(any(dark[y]) for y in (0, 1, 2, 3, n + 4, n + 5, n + 6, n + 7)) and not any(any(r[:4] + r[-4:]) for r in dark[4:n + 4])
    finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    corners = [["".join("%d" % dark[y + dy][x + dx] for dx in range(7)) for dy in range(7)] == finder
               for y, x in ((4, 4), (4, n - 3), (n - 3, 4), (n - 3, n - 3))]
    assert corners == [True, True, True, False], corners


def devices(cse):
    text = ctl(cse, "device", "add", "boiler", "--ae-id", "CBoiler", "--code-life", "2h")
    code = CODE.search(text)
    assert code and "troth-agent enrol troth-enrol://localhost:%d/id-in#" % cse.port in text, text
    ctl(cse, "device", "add", "boiler", "--ae-id", "COther", code=REFUSED)
    ctl(cse, "device", "add", "other", "--ae-id", "CBoiler", code=REFUSED)
    ctl(cse, "device", "add", "other", "--code-life", "1s", code=REFUSED)
    out = os.path.join(cse.dir, "meter.code")
    text = ctl(cse, "device", "add", "meter", "--kind", "device", "--out", out)
    with open(out, encoding="utf-8") as f:
        url = f.read()
    assert url.startswith("troth-enrol://") and url not in text and not CODE.search(text), text
    assert os.stat(out).st_mode & 0o777 == 0o600
    ctl(cse, "device", "add", "third", "--out", out, code=FILE)
    ctl(cse, "device", "add", "third", "--out", cse.dir + "/", code=USAGE)
    ctl(cse, "device", "add", "third", "--out", "/nonexistent/x", code=FILE)
    made = json.loads(ctl(cse, "--json", "device", "code", "meter", "--out", out, "--force"))
    assert "url" not in made and "code" not in made and made["name"] == "meter", made
    with open(out, encoding="utf-8") as f:
        assert f.read() not in ("", url), "another code"
    assert sorted(d["name"] for d in ask(cse, "device", "list")) == ["boiler", "meter"], "what was refused is not there"
    table = ctl(cse, "device", "list").splitlines()
    assert table[0].split()[0] == "device" and sorted(x.split()[0] for x in table[1:]) == ["boiler", "meter"], table
    one = ask(cse, "device", "show", "boiler")
    assert one["names"] == ["CBoiler"] and one["state"] == "code-out" and one == ask(cse, "device", "show", one["id"]), one
    assert "code-out" in ctl(cse, "device", "show", "boiler")
    assert code[0] not in ctl(cse, "device", "list") + ctl(cse, "device", "show", "boiler") + ctl(cse, "events", "--reveal")
    check_qr(ctl(cse, "device", "code", "boiler", "--qr"))
    ctl(cse, "device", "suspend", "meter")
    assert ask(cse, "device", "show", "meter")["state"] == "suspended"
    ctl(cse, "device", "resume", "meter")
    ctl(cse, "device", "release", "meter", code=REFUSED)
    ctl(cse, "device", "revoke", "meter")
    # Its name is free again.
    ctl(cse, "device", "show", "meter", code=REFUSED)
    assert ask(cse, "device", "show", made["id"])["state"] == "revoked"
    ctl(cse, "device", "show", "nobody", code=REFUSED)


def access(cse):
    ctl(cse, "zone", "make", "7")
    ctl(cse, "conduit", "open", "1", "7")
    assert ctl(cse, "zone", "list") == "zone 1 reaches 7\nzone 7\n"
    ctl(cse, "conduit", "close", "1", "7")
    assert ask(cse, "zone", "list") == [{"zone": 1, "reaches": []}, {"zone": 7, "reaches": []}]
    cse.issue("CApp", "--ae", "CApp")
    register(cse.client("CApp"), "CApp")
    assert ctl(cse, "acp", "why", "CApp", "create", "cse-in/CApp", "cnt").splitlines()[-1] == "permitted"
    assert "denied" in ask(cse, "acp", "why", "CApp", "delete", "cse-in")["why"]
    ctl(cse, "acp", "why", "CApp", "delete", "cse-in/nothing", code=REFUSED)


def locks(cse):
    """An impersonator is locked out by its own key, and let in again."""
    cse.issue("CThief", "--ae", "CThief")
    assert ask(cse, "lock", "list") == [] and ctl(cse, "lock", "list") == ""
    thief = cse.client("CThief")
    assert thief.get("/cse-in", originator="CApp").rsc != 2000
    one, = ask(cse, "lock", "list")
    assert one["id"] in ctl(cse, "lock", "list") and one["strikes"] >= 1, one
    ctl(cse, "credential", "release", one["id"])
    assert ask(cse, "lock", "list") == []
    ctl(cse, "credential", "release", "nobody", code=REFUSED)
    register(cse.client("CThief"), "CThief")


def resources(cse):
    admin = {"m2m:acp": {"rn": "open", "pv": {"acr": [{"acor": ["CAdmin", "CApp"], "acop": 63}]}, "pvs": {"acr": [{"acor": ["CApp"], "acop": 63}]}}}
    app = cse.client("CApp")
    must(app.create("/cse-in/CApp", 1, admin), 2001, "a policy")
    must(app.create("/cse-in/CApp", 3, {"m2m:cnt": {"rn": "shown", "acpi": ["cse-in/CApp/open"]}}), 2001, "a container")
    must(app.create("/cse-in/CApp", 3, {"m2m:cnt": {"rn": "hidden"}}), 2001, "a container")
    for where in ("shown", "hidden"):
        must(app.create("/cse-in/CApp/" + where, 4, {"m2m:cin": {"con": "secret words"}}), 2001, "an instance")
    tree = ask(cse, "tree")
    names = {n["ri"]: n.get("rn") for n in tree["nodes"]}
    assert names["id-in"] == "cse-in" and "shown" in names.values() and "hidden" not in names.values() and not tree["more"], tree
    assert names["CApp"] is None, "no policy gives the administrator an AE's name"
    counts = [n for n in tree["nodes"] if n["type"] == "cnt"]
    assert [(n["instances"], n["bytes"], n["depth"]) for n in counts] == [(1, 12, 2), (1, 12, 2)], counts
    assert [n["depth"] for n in ask(cse, "tree", "--depth", "1")["nodes"]] == [0, 1, 1, 1, 1]
    assert len(ask(cse, "tree", "--limit", "2")["nodes"]) == 2 and ask(cse, "tree", "--limit", "2")["more"]
    assert [n["ri"] for n in ask(cse, "tree", "CApp/shown")["nodes"]] == [counts[0]["ri"]]
    ctl(cse, "tree", "cse-in/nothing", code=REFUSED)
    ctl(cse, "tree", "a b", code=REFUSED)
    ctl(cse, "tree", "--limit", "0", code=REFUSED)
    text = ctl(cse, "tree", "cse-in/CApp")
    assert "shown" in text and "hidden" not in text and "1 instances, 12 bytes" in text, text
    assert ask(cse, "get", "cse-in/CApp/shown/la")["m2m:cin"]["con"] == "secret words"
    assert "secret words" in ctl(cse, "get", "cse-in/CApp/shown/la")
    hidden = ask(cse, "get", "cse-in/CApp/hidden/la")["m2m:cin"]
    assert hidden["cs"] == 12 and "con" not in hidden and "rn" not in hidden, hidden
    ctl(cse, "get", "cse-in/nothing", code=REFUSED)
    ctl(cse, "get", "cse-in//", code=REFUSED)
    overrides = [json.loads(e) for e in ctl(cse, "events", "--json").splitlines() if "EV_ADMIN_OVERRIDE" in e]
    assert len([e for e in overrides if e["detail"].startswith("tree")]) >= 2, overrides


def watching(cse):
    status = ask(cse, "status")
    assert status["clock"] == "trusted" and status["store"]["nodes"] >= 2
    assert "nodes" in ctl(cse, "status", "--wait", "1s")
    lines = [json.loads(line) for line in ctl(cse, "events", "--json").splitlines()]
    assert [e["seq"] for e in lines] == list(range(1, len(lines) + 1)) and lines[0]["event"] == "EV_START", lines
    assert len(ctl(cse, "events", "--from", "2").splitlines()) >= len(lines) - 2
    assert "CApp" not in ctl(cse, "events") and "CApp" in ctl(cse, "events", "--reveal")
    shown = [json.loads(x) for x in ctl(cse, "events", "--json").splitlines() if "EV_NAMES_SHOWN" in x]
    assert shown and all(re.fullmatch("events [0-9]+ to [0-9]+", e["detail"]) and "originator" not in e for e in shown), shown
    assert ctl(cse, "events", "verify").endswith("their chain is whole\n")
    before, checked, after = ctl(cse, "events").count("\n"), ask(cse, "events", "verify"), ctl(cse, "events").count("\n")
    assert checked["chain"] == "whole" and before <= checked["events"] <= after, checked
    assert ask(cse, "clock", "accept")["clock"] == "accepted"
    with open("/dev/full", "wb") as full:
        ctl(cse, "status", code=FILE, stdout=full)


def settings(cse):
    limits = {r["name"]: r for r in ask(cse, "limits")}
    assert limits["limits.json_depth"]["value"] == "32" and "https.max_body" in ctl(cse, "limits")
    for value in ("20", "40"):
        assert ctl(cse, "limits", "set", "json_depth", value) == ""
        assert {r["name"]: r for r in ask(cse, "limits")}["limits.json_depth"]["value"] == value
    ctl(cse, "limits", "set", "https.max_body", "2M")
    changed = ctl(cse, "config", "--changed").splitlines()
    assert changed[0].split() == ["option", "value", "from"] and any(x.split()[:2] == ["https.max_body", "2M"] for x in changed), changed
    assert len(ask(cse, "config", "--changed")) == len(changed) - 1
    assert len(ask(cse, "config")) == len(ctl(cse, "config").splitlines()) - 1 > len(changed)
    for name in ("json_depth", "https.max_body"):
        ctl(cse, "limits", "reset", name)
    assert ask(cse, "limits") == list(limits.values())
    ctl(cse, "limits", "set", "json_depth", "0", code=REFUSED)
    ctl(cse, "limits", "set", "cse.loops", "2", code=REFUSED)
    assert ctl(cse, "log", "level") == "info\n"
    ctl(cse, "log", "level", "debug")
    assert ask(cse, "log", "level") == {"level": "debug"}
    assert ctl(cse, "reload") == "" and ask(cse, "reload") == {"reload": "done"}
    assert ctl(cse, "log", "level") == "info\n"


def rotations(cse):
    before = {r["name"]: r for r in ask(cse, "rotation", "list")}
    ca = ask(cse, "ca", "show")["ca"]
    for word in ("ca", "key", "server"):
        assert ctl(cse, word, "rotate") == ""
    after = {r["name"]: r for r in ask(cse, "rotation", "list")}
    assert sum(r["renewed"] for r in after.values()) >= 3 + sum(r["renewed"] for r in before.values()), after
    assert ask(cse, "ca", "show")["ca"] != ca and ctl(cse, "rotation", "list").count("\n") == len(after) + 1
    must(cse.client("CApp").get("/cse-in/CApp"), 2000, "a certificate of the CA before")


def from_afar(cse):
    """The same commands over HTTPS, for an administrator's credential only."""
    stem = {name: os.path.join(cse.creds, name) for name in ("CAdmin", "CApp")}
    here = ("--server", "127.0.0.1:%d" % cse.port, "--credential")
    cse.issue("CAdmin", "--ae", "CAdmin", "--kind", "admin")
    assert ask(cse, *here, stem["CAdmin"], "status")["store"]["nodes"] == ask(cse, "status")["store"]["nodes"]
    assert ask(cse, *here, stem["CAdmin"], "tree")["nodes"] == ask(cse, "tree")["nodes"]
    assert ask(cse, *here, stem["CAdmin"], "get", "cse-in/CApp/shown/la")["m2m:cin"]["con"] == "secret words"
    ctl(cse, *here, stem["CAdmin"], "tree", "cse-in/nothing", code=REFUSED)
    ctl(cse, *here, stem["CApp"], "status", code=REFUSED)
    assert ctl(cse, "--server", "localhost:%d" % cse.port, "--credential", stem["CAdmin"], "zone", "list").startswith("zone 1")
    other = os.path.join(cse.dir, "other")
    os.mkdir(other)
    for name in ("CAdmin.crt", "CAdmin.key"):
        os.link(os.path.join(cse.creds, name), os.path.join(other, name))
    ctl(cse, *here, os.path.join(other, "CAdmin"), "status", code=FILE)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout",
                    "/dev/null", "-out", os.path.join(other, "ca.crt")], check=True, capture_output=True)
    ctl(cse, *here, os.path.join(other, "CAdmin"), "status", code=NO_TROTHD)
    admin, = [c["id"] for c in ask(cse, "credential", "list") if c["names"] == ["CAdmin"]]
    ctl(cse, "credential", "suspend", admin)
    ctl(cse, *here, stem["CAdmin"], "status", code=NO_TROTHD)
    ctl(cse, "credential", "resume", admin)
    ctl(cse, *here, stem["CAdmin"], "status")


def backups(cse):
    """What they do to the state folder is the subject of tests/fault/restore.py."""
    file = os.path.join(cse.dir, "backup")
    made = ask(cse, "backup", file)
    assert made["file"] == file and made["bytes"] == os.stat(file).st_size and made["epoch"] > 0, made
    ctl(cse, "backup", file, code=REFUSED)
    ctl(cse, "backup", "/no/such/folder/file", code=REFUSED)
    assert ask(cse, "store", "check")["rows"] > 0
    ctl(cse, "restore", file, code=REFUSED)
    ctl(cse, "restore", os.path.join(cse.creds, "ca.crt"), code=FILE)
    ctl(cse, "restore", code=USAGE)
    ctl(cse, "restore", file, "--accept-rollback", code=USAGE)
    ctl(cse, "restore", "--accept-rollback", code=REFUSED)


def others(cse):
    """Who is neither trothd's user nor root gets no further than the folder."""
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(cse.ctl, folder)
        r = subprocess.run([program, "--socket", os.path.join(cse.state, "admin.sock"), "status"], capture_output=True, text=True, user=4242,
                           group=4242, extra_groups=[], check=False)
    assert r.returncode == NO_TROTHD and "only its own user and root may" in r.stderr, r.stderr


def following(cse):
    """What happens while it waits comes out of it, one line each."""
    p = subprocess.Popen([cse.ctl, "--state", cse.state, "--json", "events", "--follow"], stdout=subprocess.PIPE, text=True)
    for line in p.stdout:
        if json.loads(line)["event"] == "EV_STEM_BOUND":
            break
    cse.issue("CLate", "--ae", "CLate")
    for line in p.stdout:
        if json.loads(line)["event"] == "EV_CREDENTIAL_ISSUED" and time.monotonic():
            break
    p.send_signal(signal.SIGINT)
    assert p.wait(10) == -signal.SIGINT


def progress(cse):
    """On a terminal long work says that it goes on, and leaves no trace of that; elsewhere it says nothing."""
    ours, theirs = os.openpty()
    cse.proc.send_signal(signal.SIGSTOP)
    p = subprocess.Popen([cse.ctl, "--state", cse.state, "store", "check"], stdout=subprocess.PIPE, stderr=theirs, text=True)
    q = subprocess.Popen([cse.ctl, "--state", cse.state, "--quiet", "events", "verify"], stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    text = b""
    while b"checking the store: 2 s" not in text:
        text += os.read(ours, 4096)
    cse.proc.send_signal(signal.SIGCONT)
    assert p.wait(30) == OK and "rows" in p.stdout.read()
    assert q.wait(30) == OK and "whole" in q.stdout.read()
    while not text.endswith(b"\r\033[K"):
        text += os.read(ours, 4096)
    os.close(ours)
    assert b"events" not in text, text


def main():
    with Cse() as cse:
        ctl(cse, "status", code=NO_TROTHD)
        cse.start()
        for part in (credentials, devices, access, locks, resources, watching, settings, rotations, from_afar, backups, others, progress, following):
            part(cse)
        cse.stop()
        ctl(cse, "status", code=NO_TROTHD)
    missing = sorted(set(commands()) - USED - set(ELSEWHERE))
    if missing:
        sys.exit("commands that nothing here uses: " + ", ".join(missing))
    print("commands: %d, each with its exit codes" % len(USED))


if __name__ == "__main__":
    main()
