#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Backup under load, restore of an older one, kills in both, damaged and foreign backups, copied folders: nothing that was
revoked lives again, and whatever happens on the way leaves the old state or the new one."""
import json
import os
import random
import shutil
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

CREATED, OK = 2001, 2000
KILLS = 12


def works(c, name):
    """Is the credential let in?"""
    d = c.client(name)
    try:
        return d.get("/cse-in/%s?atrl=rn" % name).rsc == OK
    except (OSError, ssl.SSLError, __import__("http.client").client.HTTPException):
        return False
    finally:
        d.close()


def state_of(c, name):
    for cred in json.loads(c.trothctl("--json", "credential", "list").stdout):
        if name in cred["names"]:
            return cred["id"], cred["state"]
    raise AssertionError(name)


def events(c):
    return [json.loads(line)["event"] for line in c.trothctl("--json", "events").stdout.splitlines()]


class Load:
    """Creates and updates until it is told to stop."""

    def __init__(self, c, name):
        self.c, self.name, self.n, self.stop, self.bad = c, name, 0, False, None
        self.t = threading.Thread(target=self.run)
        self.t.start()

    def run(self):
        d = self.c.client(self.name)
        try:
            while not self.stop:
                must(d.create("/cse-in/%s/c" % self.name, 4, {"m2m:cin": {"con": "v%d" % self.n}}), CREATED, "instance")
                must(d.put("/cse-in/%s/c" % self.name, {"m2m:cnt": {"lbl": ["n%d" % self.n]}}), 2004, "update")
                self.n += 1
        except Exception as e:  # noqa: BLE001
            self.bad = e
        d.close()

    def end(self):
        self.stop = True
        self.t.join()
        assert not self.bad, self.bad
        assert self.n > 5, "there was no load"


def start_refused(c, *words):
    """A start that must fail with a sentence."""
    try:
        c.start()
    except RuntimeError as e:
        for w in words:
            assert w in str(e), "no %r in %s" % (w, e)
        return
    raise AssertionError("it started in spite of: " + " ".join(words))


def refuse(c, code, *args):
    r = c.trothctl(*args, check=False)
    assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
    assert len(r.stderr.splitlines()) == 1 and r.stderr.startswith("trothctl: "), r.stderr
    return r.stderr


def backup_under_load(c, file):
    load = Load(c, "CDev3")
    time.sleep(0.2)
    c.trothctl("backup", file)
    rows = json.loads(c.trothctl("--json", "store", "check").stdout)["rows"]
    assert rows > 20, rows
    load.end()
    raw = open(file, "rb").read()
    assert os.stat(file).st_mode & 0o777 == 0o600
    for what in (b"SQLite format", b"CDev1", b"PRIVATE", open(os.path.join(c.state, "kek"), "rb").read(), b"BEGIN CERT"):
        assert what not in raw, what
    assert sorted(os.listdir(os.path.dirname(file))) == [os.path.basename(file)]
    refuse(c, 1, "backup", file)
    refuse(c, 1, "backup", "/proc/no/such/folder/x")
    refuse(c, 1, "restore", file)  # it runs


def older_backup(c, file):
    """Revoked, suspended and renewed since: all of it stays."""
    c.trothctl("credential", "revoke", state_of(c, "CDev2")[0])
    assert not works(c, "CDev2") and works(c, "CDev1")
    d = c.client("CDev1")
    must(d.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "late"}}), CREATED, "made after the backup")
    d.close()
    assert c.stop() == 0
    c.trothctl("restore", file)
    c.start()
    for name in ("CDev1", "CDev2", "CDev3"):
        assert not works(c, name), name
    assert state_of(c, "CDev1")[1] == "suspended" and state_of(c, "CDev2")[1] == "revoked"
    assert state_of(c, "CAdmin")[1] == "active"
    assert "EV_ROLLBACK" in events(c) and "backup was restored" in c.trothctl("status").stdout
    # A start in between changes nothing, and what was laid ready is used up.
    assert c.stop() == 0
    c.start()
    assert not works(c, "CDev1")
    c.trothctl("restore", "--accept-rollback")
    assert works(c, "CDev1") and works(c, "CDev3") and not works(c, "CDev2")
    refuse(c, 1, "restore", "--accept-rollback")
    d = c.client("CDev1")
    must(d.get("/cse-in/CDev1/late"), 4004, "made after the backup")
    must(d.get("/cse-in/CDev1/c/la"), OK, "made before it")
    d.close()
    assert c.stop() == 0
    c.start()
    assert works(c, "CDev1") and not works(c, "CDev2") and state_of(c, "CDev2")[1] == "revoked"
    c.trothctl("events", "verify")
    assert os.path.exists(os.path.join(c.state, "store.db.before-restore"))


def store_file_alone(c, tmp):
    """Somebody puts back a copy of the store by hand, then of the whole folder."""
    c.stop()
    old = os.path.join(tmp, "old")
    shutil.copytree(c.state, old)
    c.start()
    c.trothctl("credential", "suspend", state_of(c, "CDev3")[0])
    c.stop()
    shutil.copy(os.path.join(old, "store.db"), os.path.join(c.state, "store.db"))
    c.start()
    assert not works(c, "CDev1") and state_of(c, "CDev3")[1] == "suspended"
    c.trothctl("restore", "--accept-rollback")
    assert works(c, "CDev1") and not works(c, "CDev3")
    c.stop()
    shutil.rmtree(c.state)
    shutil.copytree(old, c.state)
    os.chmod(c.state, 0o700)
    c.start()
    assert not works(c, "CDev1"), "a folder that came back from a copy"
    assert "is a copy" in c.log_tail()
    c.trothctl("restore", "--accept-rollback")
    # Nobody can know what only the lost ledger knew: that is what the acceptance is asked for.
    assert works(c, "CDev1")
    shutil.rmtree(old)


def bad_backups(c, file, tmp):
    c.stop()
    whole = open(file, "rb").read()
    pending = os.path.join(c.state, "restore.pending")
    before = open(os.path.join(c.state, "store.db"), "rb").read()
    cases = [("cut", whole[:-1]), ("cut early", whole[:700]), ("longer", whole + b"x"),
             ("a bit", whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1:]),
             ("chunks exchanged", whole[:88] + whole[88 + 65556:88 + 2 * 65556] + whole[88:88 + 65556] + whole[88 + 2 * 65556:])]
    for what, data in cases:
        bad = os.path.join(tmp, "bad")
        with open(bad, "wb") as f:
            f.write(data)
        c.trothctl("restore", bad)
        start_refused(c, "restore.pending", "damaged")
        assert open(os.path.join(c.state, "store.db"), "rb").read() == before, what
        assert not os.path.exists(os.path.join(c.state, "restore.new")), what
        os.unlink(pending)
    refuse(c, 4, "restore", os.path.join(c.creds, "ca.crt"))
    refuse(c, 4, "restore", "/no/such/file")
    refuse(c, 2, "restore")
    c.trothctl("restore", file)
    c.sets.append("cse.id=/other")
    start_refused(c, "CSE-ID")
    c.sets.pop()
    os.unlink(pending)
    # Another server's folder: its kek does not open it, nor do its data keys fit when it does.
    with Cse() as other:
        other.start()
        other.stop()
        other.trothctl("restore", file)
        start_refused(other, "kek")
        os.unlink(os.path.join(other.state, "restore.pending"))
    c.start()
    assert works(c, "CDev1")


def empty_folder(c, file):
    """The machine is lost: the backup and the kek bring it back, certificates and all."""
    c.stop()
    lost = c.state + ".lost"
    os.rename(c.state, lost)
    os.mkdir(c.state, 0o700)
    c.trothctl("restore", file)
    start_refused(c, "kek is missing")
    shutil.copy(os.path.join(lost, "kek"), c.state)
    os.chmod(os.path.join(c.state, "kek"), 0o600)
    c.start()
    assert not works(c, "CDev1")
    c.trothctl("restore", "--accept-rollback")
    assert works(c, "CDev1"), "the same CA, the same credentials"
    c.stop()
    shutil.rmtree(c.state)
    os.rename(lost, c.state)
    c.start()
    assert works(c, "CDev1")


def killed_backups(c, tmp, rnd):
    took = time.monotonic()
    c.trothctl("backup", os.path.join(tmp, "t"))
    took = time.monotonic() - took
    for i in range(KILLS // 2):
        file = os.path.join(tmp, "k%d" % i)
        p = subprocess.Popen([c.ctl, "--state", c.state, "backup", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rnd.uniform(0, 1.2 * took))
        c.kill()
        p.wait()
        c.start()
        assert works(c, "CDev1")
        if p.returncode == 0:
            assert os.path.exists(file)
        if not os.path.exists(file):
            c.trothctl("backup", file)
        c.stop()
        c.trothctl("restore", file)
        c.start()
        c.trothctl("restore", "--accept-rollback")
        assert works(c, "CDev1")
    # The next one clears away what they left.
    c.trothctl("backup", os.path.join(tmp, "next"))
    left = [f for f in os.listdir(tmp) if f.endswith(".part")]
    assert not left, left


def in_the_way(c, tmp):
    """What has the name that a backup grows under, and is not ours, stays as it is; what a killed trothd left there goes."""
    mark = b"troth: a backup grows here\n"
    mine = {"plain.part": b"mine", "marked.part/mark": mark, "marked.part/letter": b"mine", "other.part/mark": b"something else",
            "deep.part/mark": mark, "deep.part/sub/x": b"mine"}
    for name, data in mine.items():
        os.makedirs(os.path.dirname(os.path.join(tmp, name)), exist_ok=True)
        with open(os.path.join(tmp, name), "wb") as f:
            f.write(data)
    os.symlink(os.path.join(tmp, "marked.part"), os.path.join(tmp, "link.part"))
    for name in ("plain", "marked", "other", "deep", "link"):
        text = refuse(c, 1, "backup", os.path.join(tmp, name))
        assert name + ".part" in text, text
    left = ("gone.part/mark", mark), ("gone.part/backup", b"x" * 9), ("gone.part/store.db-journal", b""), ("begun.part/mark", b"")
    for name, data in left:
        os.makedirs(os.path.dirname(os.path.join(tmp, name)), exist_ok=True)
        with open(os.path.join(tmp, name), "wb") as f:
            f.write(data)
    os.mkdir(os.path.join(tmp, "empty.part"))
    for name in ("gone", "empty"):
        c.trothctl("backup", os.path.join(tmp, name))
    text = refuse(c, 1, "backup", os.path.join(tmp, "gone"))
    assert "/gone" in text, text
    for name in ("gone.part", "begun.part", "empty.part"):
        assert not os.path.exists(os.path.join(tmp, name)), name
    for name, data in mine.items():
        with open(os.path.join(tmp, name), "rb") as f:
            assert f.read() == data, name


def killed_restores(c, file, rnd):
    """The start that carries it out is killed again and again."""
    for i in range(KILLS):
        c.stop()
        c.trothctl("restore", file)
        kills = 0
        while True:
            args = [c.trothd, "-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:%d" % c.port]
            p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rnd.uniform(0.001, 0.06))
            p.kill()
            p.wait()
            kills += 1
            if kills == 3:
                break
        c.start()
        assert not os.path.exists(os.path.join(c.state, "restore.pending"))
        assert not os.path.exists(os.path.join(c.state, "restore.ready"))
        assert not works(c, "CDev1") and not works(c, "CDev2"), "kill %d" % i
        c.trothctl("store", "check")
        c.trothctl("events", "verify")
        c.trothctl("restore", "--accept-rollback")
        assert works(c, "CDev1") and not works(c, "CDev2"), "kill %d" % i


def no_room(c, tmp):
    """A disk that takes the copy and then no more, and one that takes nothing."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
        print("a full disk: not here, that needs a mount of its own")
        return
    small = os.path.join(tmp, "small")
    os.mkdir(small)
    d = c.client("CDev3")
    for _ in range(100):
        must(d.create("/cse-in/CDev3/c", 4, {"m2m:cin": {"con": "z" * 40000}}), CREATED, "instance")
    d.close()
    c.stop()  # all of it is in the file then
    c.start()
    db = os.stat(os.path.join(c.state, "store.db")).st_size
    for size in (db + db // 16 + (1 << 20) + 65536, 65536):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d" % size, "tmpfs", small], stderr=subprocess.DEVNULL).returncode:
            print("a full disk: not here, that needs a mount of its own")
            return
        try:
            text = refuse(c, 1, "backup", os.path.join(small, "b"))
            assert "free" in text or "space" in text, text
            assert os.listdir(small) == [], os.listdir(small)
        finally:
            subprocess.run(["umount", small], check=True)
    assert works(c, "CDev1")


def odd_names(c):
    """Names in the state folder mean something: that of a restore is not made from outside, and no file there takes the live store's place."""
    inode = os.stat(os.path.join(c.state, "store.db")).st_ino
    link = os.path.join(c.dir, "link")
    os.symlink(c.state, link)
    before = sorted(os.listdir(c.state))
    for path in (os.path.join(c.state, "restore.pending"), os.path.join(c.state, "store.db-journal"), os.path.join(c.state, "keys", "x"),
                 os.path.join(link, "restore.pending"), os.path.join(c.dir, "tmp", "..", os.path.basename(c.state), "restore.pending")):
        refuse(c, 1, "backup", path)
    os.unlink(link)
    assert sorted(os.listdir(c.state)) == before, (before, os.listdir(c.state))
    c.trothctl("backup", os.path.join(c.state, "store"))
    os.unlink(os.path.join(c.state, "store"))
    assert os.stat(os.path.join(c.state, "store.db")).st_ino == inode


def main():
    seed = int(os.environ.get("TROTH_SEED", time.time()))
    rnd = random.Random(seed)
    c = Cse()
    tmp = os.path.join(c.dir, "tmp")
    os.makedirs(os.path.join(tmp, "b"))
    file = os.path.join(tmp, "b", "monday")
    try:
        c.start()
        c.issue("CAdmin", "--ae", "CAdmin", "--kind", "admin")
        for name in ("CDev1", "CDev2", "CDev3"):
            c.issue(name, "--ae", name)
            d = c.client(name)
            register(d, name)
            must(d.create("/cse-in/" + name, 3, {"m2m:cnt": {"rn": "c", "mni": 1000}}), CREATED, "container")
            for i in range(100):
                must(d.create("/cse-in/%s/c" % name, 4, {"m2m:cin": {"con": "x" * 1000 + str(i)}}), CREATED, "instance")
            d.close()
        backup_under_load(c, file)
        older_backup(c, file)
        store_file_alone(c, tmp)
        bad_backups(c, file, tmp)
        empty_folder(c, file)
        odd_names(c)
        no_room(c, tmp)
        killed_backups(c, tmp, rnd)
        in_the_way(c, tmp)
        killed_restores(c, file, rnd)
        assert c.stop() == 0
    except BaseException:
        print("seed %d" % seed)
        print(c.log_tail(2000))
        raise
    finally:
        c.clean()
    print("backups and restores: what was revoked stays so, %d kills" % (KILLS // 2 + 3 * KILLS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
