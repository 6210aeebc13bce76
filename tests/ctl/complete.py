#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion in a real bash: what it offers at places of a line, and that all of ctl.def can be typed with it."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
SRC = os.environ.get("TOP_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.insert(0, os.path.join(SRC, "tests", "arch"))
import tree  # noqa: E402

SCRIPT = r"""
set -u
exec 9>&2
. "$1"
# what trothctl would answer to a question of the completion
trothctl() { echo "asked: $*" >&9; printf 'id  kind\ncred-1  device\ncred-22  device\nother  admin\n'; }
while IFS= read -r line; do
	COMP_WORDS=(); part=$line
	while [[ "$part" == *'|'* ]]; do COMP_WORDS+=("${part%%|*}"); part=${part#*|}; done
	COMP_WORDS+=("$part")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_trothctl
	echo "${COMPREPLY[*]}"
done
"""


def complete(lines):
    """Words that bash offers for the last word of each line; words are separated by bars."""
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", os.path.join(SRC, "etc/completion/trothctl")], capture_output=True, text=True,
                          input="".join(line + "\n" for line in lines), check=True, cwd=os.path.join(SRC, "etc"))
    return [set(line.split()) for line in done.stdout.split("\n")[:-1]], done.stderr


def main():
    rows = list(tree.rows(open(os.path.join(SRC, "tools/ctl.def"), encoding="utf-8").read()))
    commands = [a[0] for _, macro, a in rows if macro == "COMMAND"]
    globals_ = {"--" + a[0] for _, macro, a in rows if macro == "GLOBAL"}
    options, last = {}, None
    for _, macro, a in rows:
        last = a[0] if macro == "COMMAND" else last
        if macro == "OPTION":
            options.setdefault(last, set()).add("--" + a[0])
    # (line, what must be offered)
    cases = [("trothctl|", {c.split()[0] for c in commands} | {"help"}),
             ("trothctl|--", globals_),
             ("trothctl|--so", {"--socket"}),
             ("trothctl|--json|sta", {"status"}),
             ("trothctl|credential|re", {c.split()[1] for c in commands if c.startswith("credential re")}),
             ("trothctl|credential|revoke|cred", {"cred-1", "cred-22"}),
             ("trothctl|credential|revoke|cred-1|", set()),
             ("trothctl|acp|why|CDev1|", set("create retrieve update delete notify discover".split())),
             ("trothctl|acp|why|CDev1|d", {"delete", "discover"}),
             ("trothctl|ca|issue|--kind|g", {"gateway"}),
             ("trothctl|ca|issue|--kind|=|g", {"gateway"}),
             ("trothctl|ca|issue|--kind|=", set("device gateway admin cse".split())),
             ("trothctl|ca|issue|--max-ae|3|--ki", {"--kind"}),
             ("trothctl|ca|issue|--out|com", {"completion"}),
             ("trothctl|--state|com", {"completion"}),
             ("trothctl|--state|completion|credential|revoke|o", {"other"}),
             ("trothctl|help|ca|", {c.split()[1] for c in commands if c.startswith("ca ")}),
             ("trothctl|nonsense|", set())]
    # Every command can be typed word by word, and every option of it is offered.
    for c in commands:
        words = c.split()
        cases += [("|".join(["trothctl"] + words[:k] + [words[k]]), None) for k in range(len(words))]
        cases.append(("|".join(["trothctl"] + words + ["--"]), globals_ | options.get(c, set())))
    got, asked = complete([line for line, _ in cases])
    bad = 0
    for (line, want), have in zip(cases, got):
        ok = have == want if want is not None else line.split("|")[-1] in have
        bad += not ok
        if not ok:
            print("%s\n  offers %s\n  wanted %s" % (line, sorted(have), sorted(want) if want is not None else "its last word"))
    if set(asked.splitlines()) != {"asked: credential list", "asked: --state completion credential list"}:
        bad += 1
        print("trothctl is asked for other things, or bash complains:\n" + asked)
    print("complete: %d places, %d wrong" % (len(cases), bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
