#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# openssl.sh: a running trothd against OpenSSL's and curl's own programs: chain, constraints, what TLS offers and refuses, what
# trothctl writes and says.  Prints a line for each check and "N passed, N failed".
set -u
build=${TOP_BUILDDIR:-$(pwd)}
ctl=$build/trothctl
dir=$(mktemp -d /tmp/troth-interop-XXXXXX) || exit 1
state=$dir/state creds=$dir/creds
passed=0 failed=0 pid=
mkdir -m 0700 "$creds"
cd "$dir" || exit 1

cleanup() {
	[ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
	rm -rf "$dir"
}
trap cleanup EXIT

# check NAME COMMAND...: passes when the command succeeds.
check() {
	local name=$1
	shift
	if "$@" >"$dir/out" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $name"
	else
		failed=$((failed + 1))
		echo "NOT OK  $name"
		sed 's/^/        /' "$dir/out" | tail -n 20
	fi
}
# The command's output holds the pattern; its own status does not matter.
says() {
	local pattern=$1
	shift
	"$@" >"$dir/says" 2>&1 </dev/null
	cat "$dir/says"
	grep -Eq -- "$pattern" "$dir/says"
}
refuses() { ! "$@" </dev/null; }
exits() {
	local want=$1
	shift
	"$@"
	local got=$?
	echo "exit code $got, expected $want"
	[ $got = "$want" ]
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start() {
	"$build/trothd" -s "cse.state=$state" -s "https.listen=127.0.0.1:$port" 2>>"$dir/log" &
	pid=$!
	for _ in $(seq 300); do
		"$ctl" --state "$state" status >/dev/null 2>&1 && return 0
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	tail -n 5 "$dir/log"
	return 1
}
stop() {
	kill "$pid" && wait "$pid"
	pid=
}
ctl() { "$ctl" --state "$state" "$@"; }
me=(-cert "$creds/CDev1.crt" -cert_chain "$creds/CDev1.crt" -key "$creds/CDev1.key")
client() { timeout 10 openssl s_client -connect "127.0.0.1:$port" -CAfile "$creds/ca.crt" -verify_return_error "$@"; }
m2m() {
	timeout 10 curl -s --cacert "$creds/ca.crt" -H 'X-M2M-Origin: CDev1' -H 'X-M2M-RVI: 3' -H 'X-M2M-RI: 1' "$@"
}
# A handshake is over for a TLS 1.3 client before the server has looked at its certificate: ask for something.
asks() {
	printf 'GET /cse-in HTTP/1.1\r\nHost: localhost\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: CDev1\r\nConnection: close\r\n\r\n' |
		client -quiet "$@" 2>&1
}
# "Not answered" means nothing when nobody is there.
alive() { kill -0 "$pid" 2>/dev/null || { echo "trothd has ended"; tail -n 5 "$dir/log"; return 1; }; }
answered() { asks "$@" | tee "$dir/answer" | grep -q '^HTTP/1.1 '; }
not_answered() {
	if answered "$@"; then
		cat "$dir/answer"
		return 1
	fi
	cat "$dir/answer"
	alive
}

check "trothd starts and makes its authority" start
[ $failed = 0 ] || { echo "$passed passed, $failed failed"; exit 1; }

# --- trothctl -----------------------------------------------------------------------------------------------------------------
check "ca issue writes key, chain and ca" ctl ca issue --name CDev1 --ae CDev1 --life 2h --out "$creds"
check "a key is for its owner only" test "$(stat -c %a "$creds/CDev1.key")" = 600
check "nothing is overwritten: exit 4" exits 4 ctl ca issue --name CDev1 --ae CDev9 --out "$creds"
check "a name is given once: exit 1" exits 1 ctl ca issue --name other --ae CDev1 --out "$creds"
check "and leaves no key behind" refuses test -e "$creds/other.key"
check "wrong command line: exit 2" exits 2 ctl ca issue --name x --out "$creds"
check "no trothd: exit 3" exits 3 "$ctl" --socket "$dir/none" status
check "a gateway may have patterns" ctl ca issue --name gw --kind gateway --ae 'C*' --max-ae 100 --out "$creds"
check "a device may not: exit 1" exits 1 ctl ca issue --name star --ae 'C*' --out "$creds"
check "ca show names what the CA may certify" says 'DNS:troth.example' ctl ca show
check "credential list" says 'device +active +1 .* CDev1$' ctl credential list
check "status" says 'clock trusted' ctl status

# --- certificates -------------------------------------------------------------------------------------------------------------
openssl x509 -in "$creds/CDev1.crt" -out leaf.pem
check "the device's chain verifies strictly" openssl verify -x509_strict -purpose sslclient -CAfile "$state/ca/root.pem" \
	-untrusted "$creds/CDev1.crt" leaf.pem
for host in localhost id-in.troth.example; do
	check "a device is no server for $host" refuses openssl verify -x509_strict -purpose sslserver -verify_hostname $host \
		-CAfile "$state/ca/root.pem" -untrusted "$creds/CDev1.crt" leaf.pem
done
check "its name is the AE-ID's URI" says 'URI:onem2m://troth.example/id-in/CDev1$' openssl x509 -in leaf.pem -noout -ext subjectAltName
check "the server's certificate is good for localhost" openssl verify -x509_strict -purpose sslserver -verify_hostname localhost \
	-CAfile "$state/ca/root.pem" -untrusted "$state/ca/issuing.pem" "$state/ca/server.pem"
check "and for the CSE-ID's name" openssl verify -verify_hostname id-in.troth.example \
	-CAfile "$state/ca/root.pem" -untrusted "$state/ca/issuing.pem" "$state/ca/server.pem"
check "and for no other" refuses openssl verify -verify_hostname www.example.com \
	-CAfile "$state/ca/root.pem" -untrusted "$state/ca/issuing.pem" "$state/ca/server.pem"
for ca in root issuing; do
	check "$ca CA: critical name constraints" says 'Name Constraints: critical' openssl x509 -in "$state/ca/$ca.pem" -noout -text
	check "$ca CA: signs certificates only" says 'Certificate Sign, CRL Sign$' openssl x509 -in "$state/ca/$ca.pem" -noout -text
done

# --- who gets in --------------------------------------------------------------------------------------------------------------
check "TLS 1.3 with the certificate" answered "${me[@]}"
check "it is TLS 1.3" says 'Protocol version: TLSv1.3' client -brief "${me[@]}"
check "TLS 1.2 with ECDHE and AES-GCM" answered "${me[@]}" -tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256
check "curl, by name" m2m --cert "$creds/CDev1.crt" --key "$creds/CDev1.key" -w '%{http_code}' "https://localhost:$port/cse-in"
check "curl, by address" m2m --cert "$creds/CDev1.crt" --key "$creds/CDev1.key" -w '%{http_code}' "https://127.0.0.1:$port/cse-in"
check "curl refuses a name that is not in the certificate" exits 60 m2m --resolve "cse.example:$port:127.0.0.1" \
	--cert "$creds/CDev1.crt" --key "$creds/CDev1.key" "https://cse.example:$port/cse-in"
check "no certificate: not answered" not_answered
check "no certificate, TLS 1.2: not answered" not_answered -tls1_2

openssl ecparam -name prime256v1 -genkey -noout -out foreign.key
openssl req -x509 -key foreign.key -subj "/CN=x" -days 1 -addext 'subjectAltName=URI:onem2m://troth.example/id-in/CDev1' -out foreign.crt
check "self-signed with our names: not answered" not_answered -cert foreign.crt -key foreign.key
issuing=$(openssl x509 -in "$state/ca/issuing.pem" -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= //p')
openssl req -x509 -key foreign.key -subj "/CN=$issuing" -days 1 -addext basicConstraints=critical,CA:TRUE -out fake-ca.crt
openssl req -new -key foreign.key -subj "/CN=x" -out foreign.csr
openssl x509 -req -in foreign.csr -CA fake-ca.crt -CAkey foreign.key -days 1 -out faked.crt 2>/dev/null
cat fake-ca.crt >>faked.crt
check "signed by a CA that has our CA's name: not answered" not_answered -cert faked.crt -cert_chain faked.crt -key foreign.key
check "another's certificate without its key: no connection" refuses client -cert "$creds/CDev1.crt" -key foreign.key

# --- what TLS never does ------------------------------------------------------------------------------------------------------
weak() { refuses client "${me[@]}" "$@" && alive; }
check "TLS 1.1 refused" weak -tls1_1 -cipher 'ALL:@SECLEVEL=0'
check "TLS 1.0 refused" weak -tls1 -cipher 'ALL:@SECLEVEL=0'
check "CBC refused" weak -tls1_2 -cipher 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0'
check "static RSA refused" weak -tls1_2 -cipher 'AES128-GCM-SHA256:@SECLEVEL=0'
check "anonymous refused" weak -tls1_2 -cipher 'aNULL:@SECLEVEL=0'
check "PSK refused" weak -tls1_2 -cipher 'PSK:@SECLEVEL=0' -psk 00112233
check "h2 alone refused" weak -alpn h2
check "http/1.1 chosen" says 'ALPN protocol: http/1.1' client "${me[@]}" -alpn h2,http/1.1
# A session that s_client keeps, from a connection that has been answered.
asks_for_session() {
	printf 'GET /cse-in HTTP/1.1\r\nHost: localhost\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\nX-M2M-Origin: CDev1\r\nConnection: close\r\n\r\n' |
		client -ign_eof "${me[@]}" "$@" -sess_out "$dir/session" >"$dir/tickets" 2>&1
}
tickets() {
	asks_for_session "$@"
	! grep -Eq 'New Session Ticket|TLS session ticket:|Post-Handshake New Session' "$dir/tickets"
}
resumes() { says '^Reused, ' client "${me[@]}" -sess_in "$dir/session" "$@"; }
check "one ticket in TLS 1.3" bash -c "$(declare -f asks_for_session client); creds='$creds' port=$port dir='$dir'
	me=(-cert '$creds/CDev1.crt' -cert_chain '$creds/CDev1.crt' -key '$creds/CDev1.key')
	asks_for_session -tls1_3; test \$(grep -c 'Post-Handshake New Session Ticket' '$dir/tickets') = 1"
check "which says an hour at most, and no early data" says 'lifetime hint: (3600|3[0-5][0-9][0-9]) ' openssl sess_id -in "$dir/session" -noout -text
check "and resumes" resumes
check "no ticket in TLS 1.2" tickets -tls1_2
check "no early data" says 'Max Early Data: 0|Early data was not sent' client "${me[@]}"
renegotiation() {
	{
		sleep 1
		echo R
		sleep 1
	} | client "${me[@]}" -tls1_2 >"$dir/reneg" 2>&1
	cat "$dir/reneg"
	grep -Eq 'no renegotiation|handshake failure|RENEGOTIATING' "$dir/reneg" && ! grep -q 'verify return' <(sed '1,/RENEGOTIATING/d' "$dir/reneg")
}
check "renegotiation refused" renegotiation
check "no compression" says 'Compression: NONE' client "${me[@]}" -tls1_2

# --- lifecycle ----------------------------------------------------------------------------------------------------------------
id=$(ctl credential list | sed -n 's/^\(c[a-z0-9]*\) .* CDev1$/\1/p')
asks_for_session -tls1_3
check "suspended" ctl credential suspend "$id"
check "a ticket does not help" refuses resumes
check "and not answered any more" not_answered "${me[@]}"
check "resumed" ctl credential resume "$id"
check "and answered again" answered "${me[@]}"
cp "$creds/CDev1.crt" old.crt
cp "$creds/CDev1.key" old.key
check "a new key for the same name" ctl ca issue --name CDev1 --ae CDev1 --out "$creds" --replace --force
check "answered with the new key" answered "${me[@]}"
check "the old key is refused" not_answered -cert "$dir/old.crt" -cert_chain "$dir/old.crt" -key "$dir/old.key"
check "revoked" ctl credential revoke "$id"
check "and refused" not_answered "${me[@]}"
check "revoked stays: exit 1" exits 1 ctl credential resume "$id"
check "strangers and revoked are events" says 'EV_NO_CREDENTIAL' ctl events
check "a revoked credential's try is an event" says 'EV_DEAD_CREDENTIAL' ctl events
check "events name nobody" refuses says 'CDev1' ctl events

# --- the state folder -----------------------------------------------------------------------------------------------------------
check "state folder is closed to others" test "$(stat -c %a "$state")" = 700
check "the socket too" test "$(stat -c %a "$state/admin.sock")" = 600
check "no private key in clear" refuses grep -rlaE 'PRIVATE KEY' "$state"
sha=$(sha256sum <"$state/ca/root.pem")
stop
check "a wide kek is refused" bash -c "chmod 644 '$state/kek'; ! timeout 20 '$build/trothd' -s 'cse.state=$state' -s https.listen=127.0.0.1:$port"
chmod 600 "$state/kek"
check "it starts again" start
check "with the same authority" test "$sha" = "$(sha256sum <"$state/ca/root.pem")"
check "and the same credentials" says 'revoked' ctl credential list
check "a second trothd on the folder is refused" refuses timeout 20 "$build/trothd" -s "cse.state=$state" -s "https.listen=127.0.0.1:1"
stop

echo "$passed passed, $failed failed"
[ $failed = 0 ]
