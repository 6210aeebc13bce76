#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a start refuses, and what it takes up again: bad options, a folder or an address in use, a first start that was killed."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import BUILD, Cse, register  # noqa: E402

TROTHD = os.path.join(BUILD, "trothd")
BAD = (("cse.id=id-in", "/id-in"), ("cse.id=/a/b", "/id-in"), ("cse.name=a b", "cse-in"), ("cse.sp=bad_host!", "troth.example"),
       ("access.administrator=Admin", "CAdmin"), ("https.listen=here", "127.0.0.1:8443"),
       ("https.listen=127.0.0.1:99999", "127.0.0.1:8443"), ("https.names=a,b c", "DNS names"),
       ("cse.name=la", "cse-in"), ("cse.name=pcu", "cse-in"), ("cse.name=-", "cse-in"), ("cse.name=fopt", "cse-in"),
       ("cse.poa=http://a.example", "plaintext"), ("cse.poa=here", "https://"), ("https.cors_origins=*", "https://host"),
       ("https.cors_origins=https://a.example/", "slash"), ("https.cors_origins=https://A.example", "small letters"),
       ("security.issuing_ca=/nowhere/ca.pem", "/nowhere/ca.pem"))


def refused(args, code, *texts):
    r = subprocess.run([TROTHD] + args, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert r.returncode == code, (args, r.returncode, r.stderr)
    for text in texts:
        assert text in r.stderr, (args, text, r.stderr)


def bad_options(c):
    for option, mend in BAD:
        name = option.split("=")[0]
        refused(["--check-config", "-s", option], 2, "command line: " + name, mend)
        refused(["-s", "cse.state=" + c.state, "-s", option], 2, "command line: " + name, mend)
        assert not os.path.exists(c.state), "a start that was refused made something"
    conf = os.path.join(c.dir, "troth.conf")
    with open(conf, "w") as f:
        f.write("[https]\n# here\nlisten = 127.0.0.1:8443, there\n")
    refused(["-c", conf, "--check-config"], 2, conf + ":3: https.listen", "there")


def imports(c):
    """An issuing CA of somebody else's: what is wrong with it is said before anything is made."""
    key, crt, both = (os.path.join(c.dir, n) for n in ("i.key", "i.crt", "i.pem"))

    def make(constraints, *other):
        ext = ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"]
        if constraints:
            ext.append("nameConstraints=critical," + constraints)
        args = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                "-out", crt, "-days", "30", "-subj", "/CN=Some issuing CA"]
        subprocess.run(args + sum((["-addext", e] for e in ext), []), check=True, capture_output=True)
        fd = os.open(both, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "wb") as f:
            for name in other or (crt, key):
                with open(name, "rb") as part:
                    f.write(part.read())
        os.chmod(both, 0o600)

    sp = "permitted;DNS:troth.example,permitted;URI:troth.example"
    hosts = ",permitted;DNS:localhost,permitted;IP:127.0.0.1/255.255.255.255,permitted;IP:::1/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    check = ["--check-config", "-s", "cse.state=" + c.state, "-s", "security.issuing_ca=" + both]
    where = "command line: security.issuing_ca: "
    make(sp + hosts)
    subprocess.run([TROTHD] + check, check=True, capture_output=True)
    os.chmod(both, 0o644)
    refused(check, 2, where, "i.pem")
    make("")
    refused(check, 2, where, "nameConstraints")
    make(sp)
    refused(check, 2, where, "do not permit")
    make(sp + hosts, crt)
    refused(check, 2, where, "private key")
    make(sp + hosts)
    os.rename(key, key + ".old")
    make(sp + hosts, crt, key + ".old")
    refused(check, 2, where, "not that of the first certificate")
    assert not os.path.exists(c.state)


def identity(c):
    """What a state folder was made for stays; keys that do not open are named at the start, not when they are needed."""
    args = ["-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:0"]
    refused(args + ["-s", "cse.id=/other"], 2, "cse.id", "/id-in")
    refused(args + ["-s", "cse.name=other"], 2, "cse.name", "cse-in", "another cse.state")
    refused(args + ["-s", "access.administrator=CBoss"], 2, "access.administrator", "CAdmin")
    path = os.path.join(c.state, "keys", "root.key")
    with open(path, "r+b") as f:
        good = f.read()
        f.seek(60)
        f.write(bytes([good[60] ^ 1]))
    refused(args, 1, "keys/root.key", "put the right")
    os.remove(path)  # kept elsewhere
    c.start()
    assert c.stop() == 0
    with open(path, "wb") as f:
        f.write(good)
    os.chmod(path, 0o600)
    c.start()
    assert c.stop() == 0


def killed_first_start(c, seconds):
    p = subprocess.Popen([TROTHD, "-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:%d" % c.port],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    p.kill()
    p.wait()


def main():
    with Cse() as c:
        bad_options(c)
        imports(c)
    for i in range(8):
        with Cse() as c:
            killed_first_start(c, 0.01 + 0.02 * i)
            c.start()
            c.issue("CDev1", "--ae", "CDev1")
            register(c.client("CDev1"), "CDev1")
    with Cse() as c, Cse() as other:
        c.start()
        refused(["-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:0"], 1, "another process uses the state folder")
        refused(["-s", "cse.state=" + other.state, "-s", "https.listen=127.0.0.1:%d" % c.port], 1, "https.listen", "in use")
        assert c.stop() == 0
        identity(c)
        os.chmod(c.state, 0o750)
        refused(["-s", "cse.state=" + c.state], 2, "cse.state", "chmod 700")
    print("start: what is bad is refused with its place, what was cut short is taken up again")


if __name__ == "__main__":
    main()
