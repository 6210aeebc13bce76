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
       ("https.listen=127.0.0.1:99999", "127.0.0.1:8443"), ("https.names=a,b c", "DNS names"))


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


def killed_first_start(c, seconds):
    p = subprocess.Popen([TROTHD, "-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:%d" % c.port],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    p.kill()
    p.wait()


def main():
    with Cse() as c:
        bad_options(c)
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
        refused(["-s", "cse.state=" + c.state, "-s", "https.listen=127.0.0.1:0", "-s", "cse.id=/other"], 2, "cse.id", "/id-in")
        os.chmod(c.state, 0o750)
        refused(["-s", "cse.state=" + c.state], 2, "cse.state", "chmod 700")
    print("start: what is bad is refused with its place, what was cut short is taken up again")


if __name__ == "__main__":
    main()
