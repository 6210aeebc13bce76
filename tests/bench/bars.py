# SPDX-License-Identifier: Apache-2.0
"""What benches share: figures beside their bars, one JSON object a line, and what a process has used."""
import json
import os

LIFE = ["--life", "30d"]  # of a bench's credentials: no renewal is measured by accident


class Bars:
    """Rows go to the file `out` as they come; `missed` counts bars that did not hold."""

    def __init__(self, out):
        self.rows, self.missed, self.out = [], 0, open(out, "w")

    def emit(self, name, bar, held, **figures):
        row = {"name": name}
        row.update({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()})
        row.update({"bar": bar, "held": bool(held)})
        self.rows.append(row)
        self.missed += not held
        self.out.write(json.dumps(row) + "\n")
        self.out.flush()
        print(("ok    " if held else "MISS  ") + json.dumps(row), flush=True)


def cpu_s(pid):
    """Processor seconds of all threads of a process, finer than clock ticks."""
    total = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def rss_anon(pid):
    """Bytes of memory that no file stands behind."""
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon:"))
