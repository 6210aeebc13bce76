#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make install puts everything in its place, keeps an operator's configuration, and make uninstall takes it away again."""
import os
import shutil
import subprocess
import sys
import tempfile

BUILD = os.environ.get("TOP_BUILDDIR", os.getcwd())
PREFIX = "/usr/local"
WANTED = [
    "sbin/trothd", "bin/trothctl", "bin/troth-agent", "bin/troth-he", "bin/troth-bench",
    "share/man/man1/trothctl.1", "share/man/man1/troth-agent.1", "share/man/man1/troth-he.1", "share/man/man5/troth.conf.5", "share/man/man7/troth-quickstart.7",
    "share/man/man8/trothd.8", "share/bash-completion/completions/trothctl",
    "share/bash-completion/completions/troth-he", "etc/troth/troth.conf", "etc/troth/troth-agent.conf",
    "lib/systemd/system/trothd.service", "lib/systemd/system/troth-agent.service", "lib/sysusers.d/troth.conf", "lib/tmpfiles.d/troth.conf",
]


def make(target, dest):
    done = subprocess.run(["make", "-C", BUILD, target, "DESTDIR=" + dest], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit("make %s: %s%s" % (target, done.stdout[-1000:], done.stderr[-2000:]))


def files(top):
    return {os.path.relpath(os.path.join(base, name), top) for base, _, names in os.walk(top) for name in names}


def main():
    dest = tempfile.mkdtemp(prefix="troth-install-")
    top = dest + PREFIX
    try:
        make("install", dest)
        there = files(top)
        missing = [w for w in WANTED if w not in there]
        assert not missing, "not installed: %s" % missing
        for program in ("sbin/trothd", "bin/trothctl", "bin/troth-agent", "bin/troth-he"):
            r = subprocess.run([os.path.join(top, program), "--version"], capture_output=True, text=True, check=True)
            assert r.stdout.split()[0] == os.path.basename(program), r.stdout
        done = subprocess.run([os.path.join(top, "sbin/trothd"), "-c", os.path.join(top, "etc/troth/troth.conf"), "--check-config"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        done = subprocess.run([os.path.join(top, "bin/troth-agent"), "-c", os.path.join(top, "etc/troth/troth-agent.conf"), "--check-config"],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        with open(os.path.join(top, "lib/systemd/system/trothd.service"), encoding="utf-8") as f:
            assert PREFIX + "/sbin/trothd" in f.read(), "the unit starts another trothd"
        mine = os.path.join(top, "etc/troth/troth.conf")
        with open(mine, "a", encoding="utf-8") as f:
            f.write("# mine\n")
        make("install", dest)
        with open(mine, encoding="utf-8") as f:
            assert f.read().endswith("# mine\n"), "the operator's file was written over"
        make("uninstall", dest)
        assert files(top) == {"etc/troth/troth.conf"}, "left behind: %s" % sorted(files(top))
    finally:
        shutil.rmtree(dest, ignore_errors=True)
    print("install: %d files in their places" % len(there))


if __name__ == "__main__":
    main()
