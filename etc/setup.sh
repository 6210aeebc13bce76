# SPDX-License-Identifier: Apache-2.0
# Sourced by ./run and ./check: packages and builds.

# setup_packages WHAT: installs what etc/packages.txt lists for `run` (or for `check`: both) and is not there.  PACKAGE=PROGRAM: only
# when the program is not there, wherever it comes from.
setup_packages() {
	need=$(sed -e 's/#.*//' etc/packages.txt | awk -v what="$1" '$1 == "run" || what == "check" { for (i = 2; i <= NF; i++) print $i }')
	missing=
	for p in $need; do
		case $p in
		*=*)
			command -v "${p#*=}" >/dev/null && continue
			p=${p%=*}
			;;
		esac
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
	[ -z "$missing" ] && return 0
	as=
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || { echo "these packages are missing, and neither root nor sudo is at hand:$missing" >&2; exit 1; }
		as=sudo
	fi
	echo "installing$missing"
	log=$(mktemp)
	# shellcheck disable=SC2086
	if ! { $as env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
		$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
		tail -n 15 "$log" >&2
		rm -f "$log"
		echo "apt-get could not install:$missing" >&2
		exit 1
	fi
	rm -f "$log"
}

# setup_build FOLDER [configure options]: configures when needed and builds all programs out of tree.
setup_build() {
	dir=$1
	shift
	mkdir -p build-aux "$dir"
	log=$dir/build.log
	if [ ! -e configure ] || [ configure.ac -nt configure ] || [ Makefile.am -nt Makefile.in ]; then
		autoreconf -fi >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
	fi
	if [ ! -e "$dir/Makefile" ]; then
		(cd "$dir" && ../configure --silent "$@") >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
	fi
	make -C "$dir" -j2 >"$log" 2>&1 || { tail -n 30 "$log" >&2; echo "the build failed; see $log" >&2; exit 1; }
}
