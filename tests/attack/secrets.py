#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who reads all files, the backup, the log, argv, environ and what a crash leaves finds no private key, data key,
enrolment code or key-encryption key in clear.  The key-encryption key comes as a credential of the service manager here, as it should; then the state
folder, stolen whole with every backup, opens nothing."""
import base64
import ctypes
import ctypes.util
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from agent import Agent, be  # noqa: E402
from cse import Cse, must, register  # noqa: E402

crypto = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
for fn in ("EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"):
    getattr(crypto, fn).restype = ctypes.c_void_p
NOBODY = 65534


def unseal(kek, use, sealed):
    """What the file keystore sealed: nonce, bytes, tag (AES-256-GCM)."""
    nonce, body, tag = sealed[:12], sealed[12:-16], sealed[-16:]
    out, n = ctypes.create_string_buffer(len(body) + 16), ctypes.c_int()
    ctx = ctypes.c_void_p(crypto.EVP_CIPHER_CTX_new())
    ok = crypto.EVP_DecryptInit_ex(ctx, ctypes.c_void_p(crypto.EVP_aes_256_gcm()), None, kek, nonce) == 1
    ok = ok and crypto.EVP_DecryptUpdate(ctx, None, ctypes.byref(n), use, len(use)) == 1
    ok = ok and crypto.EVP_DecryptUpdate(ctx, out, ctypes.byref(n), body, len(body)) == 1
    ok = ok and crypto.EVP_CIPHER_CTX_ctrl(ctx, 0x11, 16, tag) == 1
    ok = ok and crypto.EVP_DecryptFinal_ex(ctx, ctypes.create_string_buffer(16), ctypes.byref(n)) == 1
    crypto.EVP_CIPHER_CTX_free(ctx)
    assert ok, "the test does not know the format any more: %r" % use
    return out.raw[:len(body)]


def unwrap(kek, wrapped):
    return unseal(kek, b"troth data key 1", wrapped)


def private_number(der):
    """The secret of a P-256 key in PKCS#8: ECPrivateKey's octets."""
    at = der.index(b"\x02\x01\x01\x04\x20") + 5
    return der[at:at + 32]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def private_keys(state, kek):
    found = {}
    for name in os.listdir(os.path.join(state, "keys")):
        raw = read(os.path.join(state, "keys", name))
        head = b"trothkey 1\n"
        assert raw.startswith(head), name
        der = unseal(kek, head + b"key " + name[:-4].encode(), raw[len(head):])
        found["private key " + name] = private_number(der)
    return found


def secrets_of(state, kek, backup=None):
    """Every key that the folder holds sealed, opened."""
    found = private_keys(state, kek)
    found["key-encryption key"] = kek
    raw, at, n = read(os.path.join(state, "datakeys")), 12, 0
    while at < len(raw):
        k = struct.unpack_from("<H", raw, at + 4)[0]
        n += 1
        found["data key %d" % n] = unwrap(kek, raw[at + 6:at + 6 + k])
        at += 6 + k + 8
    for path, at in ((os.path.join(state, "ledger"), 20), (backup, 12)):
        if path:
            raw = read(path)
            k = struct.unpack_from("<H", raw, at)[0]
            found["key of " + os.path.basename(path)] = unwrap(kek, raw[at + 2:at + 2 + k])
    assert n >= 1 and len(found) >= 5, found.keys()
    return found


def forms(secret):
    yield "raw", secret
    yield "hexadecimal", secret.hex().encode()
    yield "HEXADECIMAL", secret.hex().upper().encode()
    for shift in range(3):  # base64 of it, wherever in three bytes it begins
        text = base64.b64encode(b"\0" * shift + secret)
        yield "base64", text[4 if shift else 0:len(text) // 4 * 4 - 8]
    yield "base32", base64.b32encode(secret)[:-8]


def look(where, data, secrets, found):
    for name, secret in secrets.items():
        for form, text in forms(secret):
            if text in data:
                found.append("%s in %s (%s)" % (name, where, form))
    if b"PRIVATE KEY-----" in data:
        found.append("a private key as PEM in " + where)


def files_below(*tops):
    for top in tops:
        for d, _, fs in os.walk(top):
            for f in fs:
                path = os.path.join(d, f)
                if os.path.isfile(path) and not os.path.islink(path) and f != "ballast":
                    yield path


def process(pid, secrets, found):
    for what in ("cmdline", "environ"):
        look("%s of %d" % (what, pid), read("/proc/%d/%s" % (pid, what)), secrets, found)


def traffic(c):
    c.issue("CDev1", "--ae", "CDev1")
    d = c.client("CDev1")
    register(d, "CDev1")
    must(d.create("/cse-in/CDev1", 3, {"m2m:cnt": {"rn": "c"}}), 2001, "container")
    for i in range(20):
        must(d.create("/cse-in/CDev1/c", 4, {"m2m:cin": {"con": str(i)}}), 2001, "instance")
    d.close()


def code_of(url):
    """What is secret of an enrolment code: 26 base32 characters, as text and as the bytes that they stand for."""
    text = url.rsplit("#", 1)[1].replace("-", "").upper()[:26]
    return {"enrolment code": text.encode(), "enrolment code in small letters": text.lower().encode(),
            "bytes of an enrolment code": base64.b32decode(text + "======")[:15]}


def enrolment(c, found):
    """A code is made, waits, and is used by an agent: it stands nowhere, argv of the command included; nor does the key it led to."""
    with Agent(c, "CAgent", sets=["log.level=debug"]) as a:
        url = a.code()
        secrets = code_of(url)
        for path in files_below(c.state):
            look(os.path.relpath(path, c.dir), read(path), secrets, found)
        p = subprocess.Popen(a.args() + ["enrol", url], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
                             **be(a.uid))
        seen = b""
        while p.poll() is None:  # what others on the host can read once the program has begun with it
            try:
                line = read("/proc/%d/cmdline" % p.pid)
            except OSError:
                break
            seen = line or seen
        said = p.communicate()[0]
        assert p.returncode == 0, said
        look("argv of enrol", seen, secrets, found)
        look("what enrol says", said, secrets, found)
        a.start()
        secrets.update({"agent's " + k: v for k, v in private_keys(a.state, read(os.path.join(a.state, "kek"))).items()})
        assert any("private key" in k for k in secrets), secrets.keys()
        process(a.proc.pid, secrets, found)
        d = a.client()
        register(d, "CAgent")
        d.close()
        shown = c.trothctl("--json", "events", "--reveal").stdout + c.trothctl("--json", "device", "list").stdout
        look("what trothctl shows of devices", shown.encode(), secrets, found)
        assert a.stop() == 0
        look("the agent's log", read(a.log_path), secrets, found)
        for path in files_below(a.state, c.state):
            if os.path.basename(path) != "kek":
                look("the agent's or the CSE's " + os.path.basename(path), read(path), secrets, found)
        look("the log", read(c.log_path), secrets, found)
        return len(secrets)


def crash(c, found):
    """A crash writes no core, whatever the limits were when it was started."""
    cores = lambda: {f for d in (c.dir, os.getcwd(), "/tmp", "/var/lib/systemd/coredump") if os.path.isdir(d)
                     for f in os.listdir(d) if f.startswith("core")}
    before = cores()
    c.proc.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(c.proc.pid, 0)
    c.proc.returncode = -signal.SIGSEGV
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSEGV, status
    if os.WCOREDUMP(status) or cores() - before:
        found.append("a core dump was written: %s" % (cores() - before))


def same_user(c, found):
    """Other processes of the same user read neither its memory nor its environment."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("another process of the same user: not here, that needs root")
        return
    me = run_as_nobody()
    sleeper = subprocess.Popen(me + ["sleep", "60"])
    try:
        while not read("/proc/%d/cmdline" % sleeper.pid).startswith(b"sleep"):
            pass
        for pid, may in ((sleeper.pid, True), (c.proc.pid, False)):
            for what in ("environ", "maps"):
                r = subprocess.run(me + ["head", "-c", "1", "/proc/%d/%s" % (pid, what)], capture_output=True)
                assert not may or r.returncode == 0, "the control fails: %r" % r.stderr
                if r.returncode == 0 and not may:
                    found.append("the same user may read %s" % what)
    finally:
        sleeper.kill()
        sleeper.wait()


def run_as_nobody():
    """argv in front of trothd; and who owns the folders."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return []
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--"]


def main():
    found, kek = [], os.urandom(32)
    wrap = run_as_nobody()
    env = dict(os.environ)
    c = Cse(sets=["log.level=debug"], env=env, wrap=wrap)
    creds = os.path.join(c.dir, "credentials")
    os.makedirs(creds, mode=0o700)
    env["CREDENTIALS_DIRECTORY"] = creds
    with open(os.path.join(creds, "troth.kek"), "wb") as f:
        f.write(kek)
    os.chmod(os.path.join(creds, "troth.kek"), 0o400)
    backup = os.path.join(c.dir, "out", "backup")
    os.makedirs(os.path.dirname(backup))
    if wrap:
        for d, _, fs in os.walk(c.dir):
            for path in [d] + [os.path.join(d, f) for f in fs]:
                os.chown(path, NOBODY, NOBODY)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    try:
        c.start()
        traffic(c)
        c.trothctl("backup", backup)
        secrets = secrets_of(c.state, kek, backup)
        said = c.trothctl("--json", "events", "--reveal").stdout + c.trothctl("--json", "status").stdout + \
            c.trothctl("--json", "credential", "list").stdout + c.trothctl("--json", "ca", "show").stdout
        look("what trothctl shows", said.encode(), secrets, found)
        process(c.proc.pid, secrets, found)
        same_user(c, found)
        more = enrolment(c, found)
        for path in files_below(c.state):  # while it runs: the write-ahead log too
            look(os.path.relpath(path, c.dir), read(path), secrets, found)
        crash(c, found)
        c.start()
        traffic_after = c.client("CDev1")
        must(traffic_after.get("/cse-in/CDev1/c/la"), 2000, "after the crash")
        traffic_after.close()
        assert c.stop() == 0
        secrets.update(secrets_of(c.state, kek, backup))
        for path in files_below(c.state, os.path.dirname(backup)):
            look(os.path.relpath(path, c.dir), read(path), secrets, found)
        look("the log", read(c.log_path), secrets, found)
        # The scan finds what it looks for: the credential's own file holds the key-encryption key, creds/ a device's key.
        control = []
        for path in files_below(creds, c.creds):
            look(path, read(path), secrets, control)
        assert any("key-encryption" in x for x in control) and any("PEM" in x for x in control), control
        # A stolen folder without that key: it does not start, and says why.
        env.pop("CREDENTIALS_DIRECTORY")
        try:
            c.start()
            found.append("the folder opened without its key-encryption key")
        except RuntimeError as e:
            assert "kek" in str(e), e
    finally:
        c.clean()
    print("found: " + "; ".join(found) if found else
          "%d keys and codes: none in files, backup, logs, events, argv, environ or a core dump" % (len(secrets) + more))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
