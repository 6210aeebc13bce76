#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Microsoft SEAL for tests: node-seal (node/package-lock.json says which, with its hash) is installed once into the build folder."""
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ["TOP_BUILDDIR"]


def environment():
    """Variables under which `node` finds it."""
    home = os.path.join(BUILD, "node")
    done = os.path.join(home, "done")
    lock = open(os.path.join(HERE, "node", "package-lock.json"), encoding="utf-8").read()
    if not os.path.exists(done) or open(done, encoding="utf-8").read() != lock:
        os.makedirs(home, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(os.path.join(HERE, "node", name), os.path.join(home, name))
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home, check=True, timeout=300,
                       stdout=subprocess.DEVNULL)
        with open(done, "w", encoding="utf-8") as f:
            f.write(lock)
    return dict(os.environ, NODE_PATH=os.path.join(home, "node_modules"))
