#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what follows from the tables into the manual pages (doc/man) and bash completion (etc/completion): manual.py [--check].

A manual page is written by hand but for what stands between the lines  .\\" table NAME  and  .\\" end."""
import os
import re
import sys

sys.dont_write_bytecode = True
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(TOP, "tests", "arch"))
import tree  # noqa: E402
from reference import TYPES, keep  # noqa: E402

PAGES = "doc/man"
COMPLETION = "etc/completion/trothctl"
UNITS = {"CONF_T_STR": "bytes", "CONF_T_PATH": "bytes", "CONF_T_LIST": "elements", "CONF_T_SIZE": "bytes", "CONF_T_DURATION": "ms"}


# --- the tables -----------------------------------------------------------------------------------------------------------------

class Command:
    def __init__(self, words, args, text):
        self.words, self.args, self.text = words, args, text
        self.options, self.notes, self.examples = [], [], []


class Ctl:
    """tools/ctl.def as objects."""

    def __init__(self, t):
        self.exits, self.values, self.globals, self.commands = [], {}, [], []
        for _, macro, a in tree.rows(t.text("tools/ctl.def")):
            if macro == "EXIT":
                self.exits.append((a[1], a[2]))
            elif macro == "VALUE":
                self.values[a[0]] = (a[2], a[3])
            elif macro == "GLOBAL":
                self.globals.append((a[0], a[1], False, a[2]))
            elif macro == "COMMAND":
                self.commands.append(Command(a[0], a[2], a[3]))
            elif macro == "OPTION":
                self.commands[-1].options.append((a[0], a[1], a[2] == "true", a[3]))
            elif macro == "NOTE":
                self.commands[-1].notes.append(a[0])
            elif macro == "EXAMPLE":
                self.commands[-1].examples.append(a[0])


def options_of(t, path):
    """(section, name, what it is, default, reload, text) of a table of options."""
    for _, macro, a in tree.rows(t.text(path), "CONF|CONF_CHOICE"):
        if macro == "CONF_CHOICE":
            _, section, name, default, choices, reload, text = a
            kind = choices.replace("|", ", ")
        else:
            _, section, name, kind, default, low, high, reload, text = a
            unit = UNITS.get(kind, "")
            bounds = "" if kind == "CONF_T_BOOL" or low == high else " (%s to %s%s)" % (low, high, " " + unit if unit else "")
            kind = TYPES[kind] + bounds
        yield section, name, kind, default, reload == "true", text


# --- manual pages -----------------------------------------------------------------------------------------------------------------

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def option_item(name, value, repeats, text):
    yield ".TP\n\\fB\\-\\-%s\\fR%s%s\n%s\n" % (roff(name), " \\fI%s\\fR" % roff(value) if value else "",
                                             " (may be repeated)" if repeats else "", sentence(text))


def sentence(text):
    text = roff(text)
    text = text if text.endswith(".") else text + "."
    return text


def commands(t):
    for c in Ctl(t).commands:
        args = re.sub(r"[^][ .]+", lambda m: "\\fI%s\\fR" % roff(m[0]), c.args)
        yield ".SS \\fB%s\\fR%s%s\n%s\n" % (roff(c.words), " " + args if args else "", " [options]" if c.options else "", sentence(c.text))
        for note in c.notes:
            yield ".PP\n%s\n" % roff(note)
        for option in c.options:
            yield from option_item(*option)
        for example in c.examples:
            yield ".PP\n.EX\n%s\n.EE\n" % roff(example)


def global_options(t):
    for option in Ctl(t).globals:
        yield from option_item(*option)


def values(t):
    for word, (words, text) in Ctl(t).values.items():
        choices = ": " + words.replace(" ", ", ") if words and words[0] != "@" else ""
        yield ".TP\n\\fI%s\\fR\n%s\n" % (roff(word), sentence(text + choices))


def exits(t):
    for number, text in Ctl(t).exits:
        yield ".TP\n\\fB%s\\fR\n%s\n" % (number, sentence(text))


def configuration(path):
    def write(t):
        before = None
        for section, name, kind, default, reload, text in options_of(t, path):
            if section != before:
                before = section
                yield ".SS [%s]\n" % roff(section)
            yield ".TP\n\\fB%s\\fR = %s\n%s\n" % (roff(name), roff(kind), sentence(text))
            yield "Default: %s.%s\n" % (roff(default) if default else "empty", " Reload takes a change over." if reload else "")
    return write


TABLES = {
    "commands": commands, "globals": global_options, "values": values, "exits": exits,
    "troth.conf": configuration("cse/base/conf.def"),
    "agent.conf": configuration("agent/agent.def"),
}


def page(t, text):
    """The page with its tables as they are now."""
    def replace(m):
        return m[1] + "".join(TABLES[m[2]](t)) + m[3]
    return re.sub(r'(^\.\\" table (\S+)\n).*?(^\.\\" end\n)', replace, text, flags=re.S | re.M)


# --- completion --------------------------------------------------------------------------------------------------------------------

HEAD = """# SPDX-License-Identifier: Apache-2.0
# bash completion of trothctl. Written by tools/manual.py (make update): do not edit.
"""
BODY = r"""
# Needs no more than bash 4: the words of the line up to the cursor say which command, which argument, which option it is.
_trothctl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev='' command=- word i n=0 kind option='' state=() words=()
	# bash makes words of their own of = and what follows
	[ "$cur" = "=" ] && cur=
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [ "$word" = "=" ]; then
			continue
		elif [ -n "$option" ]; then
			[ "$option" = --state ] || [ "$option" = --socket ] && state=("$option" "$word")
			option=
		elif [ "${word:0:2}" = -- ]; then
			[ -n "${_trothctl_takes[$command $word]-}${_trothctl_takes[ $word]-}" ] && option=$word
		else
			words+=("$word")
			prev="${words[*]}"
			[ -n "${_trothctl_args[$prev]+x}" ] && { command=$prev; n=${#words[@]}; }
		fi
	done
	COMPREPLY=()
	if [ -n "$option" ]; then
		kind=${_trothctl_takes[$command $option]-${_trothctl_takes[ $option]-}}
	elif [ "${cur:0:1}" = - ]; then
		mapfile -t COMPREPLY < <(compgen -W "$_trothctl_globals ${_trothctl_options[$command]-}" -- "$cur")
		return
	else
		# The next word of a command, and the next argument of the one that is there.
		[ "${words[0]-}" = help ] && words=("${words[@]:1}")
		prev="${words[*]}"
		local next='' full
		for full in "${!_trothctl_args[@]}"; do
			[[ "$full " == "${prev:+$prev }"* ]] || continue
			full=${full#"$prev"}
			full=${full# }
			[ -n "$full" ] && next+=" ${full%% *}"
		done
		[ -z "$prev" ] && next+=" help"
		mapfile -t COMPREPLY < <(compgen -W "$next" -- "$cur" | sort -u)
		[ -n "${_trothctl_args[$command]-}" ] || return
		local args
		read -ra args <<<"${_trothctl_args[$command]}"
		i=$((${#words[@]} - n))
		[ $i -ge ${#args[@]} ] && i=$((${#args[@]} - 1)) && [[ "${args[i]-}" != *... ]] && return
		kind=${args[i]#[}
		kind=${kind%]}
		kind=${kind%...}
	fi
	local found=()
	case ${_trothctl_values[$kind]-} in
	'') return ;;
	@file) compopt -o filenames 2>/dev/null; mapfile -t found < <(compgen -f -- "$cur") ;;
	@dir) compopt -o filenames 2>/dev/null; mapfile -t found < <(compgen -d -- "$cur") ;;
	@ask*)
		read -ra args <<<"${_trothctl_values[$kind]#@ask }"
		mapfile -t found < <(compgen -W "$(trothctl "${state[@]}" "${args[@]}" 2>/dev/null | sed -e 1d -e 's/ .*//')" -- "$cur")
		;;
	*) mapfile -t found < <(compgen -W "${_trothctl_values[$kind]}" -- "$cur") ;;
	esac
	COMPREPLY+=("${found[@]}")
}
complete -F _trothctl trothctl
"""


def quoted(text):
    return "'%s'" % text.replace("'", "'\\''")


def array(name, pairs):
    return "declare -gA %s=(\n%s)\n" % (name, "".join("\t[%s]=%s\n" % (quoted(k), quoted(v)) for k, v in pairs))


def completion(t):
    ctl = Ctl(t)
    takes = [(" --" + name, value) for name, value, _, _ in ctl.globals if value]
    takes += [("%s --%s" % (c.words, name), value) for c in ctl.commands for name, value, _, _ in c.options if value]
    return (HEAD + "declare -g _trothctl_globals=%s\n" % quoted(" ".join("--" + g[0] for g in ctl.globals)) +
            array("_trothctl_args", [(c.words, c.args) for c in ctl.commands]) +
            array("_trothctl_options", [(c.words, " ".join("--" + o[0] for o in c.options)) for c in ctl.commands if c.options]) +
            array("_trothctl_takes", takes) +
            array("_trothctl_values", [(w, v[0]) for w, v in ctl.values.items() if v[0]]) + BODY)


# --- files --------------------------------------------------------------------------------------------------------------------------

def files(t):
    """(path, text as it must be)"""
    for name in sorted(os.listdir(os.path.join(t.top, PAGES))):
        if re.search(r"\.[1-8]$", name):
            path = os.path.join(PAGES, name)
            yield path, page(t, t.text(path))
    yield COMPLETION, completion(t)


if __name__ == "__main__":
    keep(files(tree.Tree(TOP)))
