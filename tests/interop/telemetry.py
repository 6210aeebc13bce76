#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Telemetry of a host as CSV: telemetry.py FILE [SECONDS [COUNT]] takes COUNT readings (1440), one in SECONDS (60): a day.

telemetry.csv beside it was recorded so (readings 4 seconds apart) while the host built and tested this project."""
import csv
import sys
import time

FIELDS = ("second", "switches", "interrupts", "faults", "started", "system", "load", "free")


def snapshot():
    """Totals since the host's start: seconds, context switches, interrupts, page faults, processes, ticks of the processors and
    those spent in the kernel; then the load of the last minute and the free memory in MB."""
    stat = dict(line.split(None, 1) for line in open("/proc/stat", encoding="ascii") if " " in line)
    vm = dict(line.split() for line in open("/proc/vmstat", encoding="ascii"))
    ticks = [int(t) for t in stat["cpu"].split()[:8]]
    load = float(open("/proc/loadavg", encoding="ascii").read().split()[0])
    return (time.monotonic(), int(stat["ctxt"]), int(stat["intr"].split()[0]), int(vm["pgfault"]), int(stat["processes"]), sum(ticks),
            ticks[2], load, int(vm["nr_free_pages"]) // 256)


def reading(start, last, now):
    """A row of FIELDS: what was counted since the last snapshot, `system` in percent of all ticks."""
    system = round(100 * (now[6] - last[6]) / max(now[5] - last[5], 1))
    return [round(now[0] - start[0])] + [now[i] - last[i] for i in range(1, 5)] + [system, now[7], now[8]]


def record(path, every, count):
    with open(path, "w", newline="", encoding="ascii") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(FIELDS)
        start = last = snapshot()
        for i in range(1, count + 1):
            time.sleep(max(0.0, start[0] + i * every - time.monotonic()))
            now = snapshot()
            out.writerow(reading(start, last, now))
            f.flush()
            last = now


def read(path):
    """{field: [numbers]}, in the order of time."""
    with open(path, newline="", encoding="ascii") as f:
        rows = list(csv.DictReader(f))
    return {name: [float(r[name]) if name == "load" else int(r[name]) for r in rows] for name in FIELDS}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: telemetry.py FILE [SECONDS [COUNT]]")
    record(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60.0, int(sys.argv[3]) if len(sys.argv) > 3 else 1440)
