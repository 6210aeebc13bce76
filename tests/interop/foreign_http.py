#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other people's HTTP clients against trothd: curl, python3-requests, openssl s_client."""
import json
import os
import re
import ssl
import subprocess
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402

try:
    import requests
except ImportError:
    sys.exit("python3-requests is missing: apt-get install python3-requests")

CASES = []


def case(fn):
    CASES.append(fn)
    return fn


class World:
    def __init__(self, cse):
        self.cse, self.serial = cse, 0
        self.url = "https://localhost:%d" % cse.port
        self.ca = os.path.join(cse.creds, "ca.crt")
        self.crt = os.path.join(cse.creds, "CApp.crt")
        self.key = os.path.join(cse.creds, "CApp.key")
        c = cse.client("CApp")
        register(c, "CApp", name="app")
        c.close()

    def fields(self, ty=None, body=False):
        self.serial += 1
        f = {"X-M2M-Origin": "CApp", "X-M2M-RI": "i%d" % self.serial, "X-M2M-RVI": "3"}
        if body:
            f["Content-Type"] = "application/json" + (";ty=%d" % ty if ty else "")
        return f

    def curl(self, *args, path="/cse-in/app", ty=None, body=None, cert=True, urls=None):
        """status, fields (small letters), content, what curl says of it, exit status"""
        cmd = ["curl", "-sv", "--cacert", self.ca, "-D", "-"]
        if cert:
            cmd += ["--cert", self.crt, "--key", self.key]
        for k, v in self.fields(ty, body is not None).items():
            cmd += ["-H", "%s: %s" % (k, v)]
        if body is not None:
            cmd += ["--data-binary", body if body.startswith("@") else body]
        r = subprocess.run(cmd + list(args) + [self.url + p for p in urls or [path]], capture_output=True, timeout=60)
        head, _, content = r.stdout.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, content = content.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        status = int(lines[0].split(" ")[1]) if lines[0] else 0
        fields = dict((k.lower(), v.strip()) for k, _, v in (x.partition(":") for x in lines[1:]))
        return status, fields, content, r.stderr.decode(errors="replace"), r.returncode

    def session(self):
        s = requests.Session()
        s.trust_env = False  # a CA bundle or proxy of this machine is not meant
        s.verify, s.cert = self.ca, (self.crt, self.key)
        return s

    def s_client(self, text, *args):
        """Sends the text, reads until the server closes; all that openssl prints."""
        cmd = ["openssl", "s_client", "-connect", "localhost:%d" % self.cse.port, "-servername", "localhost", "-CAfile", self.ca,
               "-verify_return_error", "-cert", self.crt, "-key", self.key, "-cert_chain", self.crt, "-ign_eof"] + list(args)
        r = subprocess.run(cmd, input=text.encode(), capture_output=True, timeout=60)
        return (r.stdout + r.stderr).decode(errors="replace"), r.returncode


def same(got, want, what):
    if got != want:
        raise AssertionError("%s: %r instead of %r" % (what, got, want))


def answers(curl, status, rsc, what):
    same((curl[0], curl[1].get("x-m2m-rsc")), (status, str(rsc)), "%s (%s)" % (what, curl[2][:200]))
    return curl


# --- curl ------------------------------------------------------------------------------------------------------------


@case
def curl_each_operation(w):
    c = answers(w.curl(path="/cse-in/app?rcn=3", ty=3, body='{"m2m:cnt":{"rn":"curl"}}'), 201, 2001, "CREATE")
    same(c[1]["content-type"], "application/json", "type")
    same(c[1]["content-location"], "/cse-in/app/curl", "location")
    same(json.loads(c[2])["m2m:rce"]["m2m:cnt"]["rn"], "curl", "content")
    answers(w.curl(path="/cse-in/app/curl", ty=4, body='{"m2m:cin":{"con":"21.5"}}'), 201, 2001, "CREATE of an instance")
    c = answers(w.curl(path="/cse-in/app/curl/la"), 200, 2000, "RETRIEVE")
    same(json.loads(c[2])["m2m:cin"]["con"], "21.5", "content")
    answers(w.curl("-X", "PUT", path="/cse-in/app/curl", body='{"m2m:cnt":{"lbl":["a"]}}'), 200, 2004, "UPDATE")
    c = w.curl(path="/cse-in/app", body='{"m2m:sgn":{"sur":"cse-in/app/sub","vrq":true}}')
    assert c[1].get("x-m2m-rsc", "4000") != "4000", "NOTIFY was not understood: %r" % (c[:3],)
    answers(w.curl("-X", "DELETE", path="/cse-in/app/curl"), 200, 2002, "DELETE")
    answers(w.curl(path="/cse-in/app/curl"), 404, 4004, "RETRIEVE of what is gone")


@case
def curl_paths(w):
    for path in ("/~/id-in/cse-in/app", "/_/troth.example/id-in/cse-in/app", "//id-in/cse-in/app", "/-/app", "/cse-in/app/",
                 "///troth.example/id-in/cse-in/app", "/cse-in/%61pp", "/CApp"):
        c = answers(w.curl("--path-as-is", path=path), 200, 2000, path)
        same(json.loads(c[2])["m2m:ae"]["aei"], "CApp", path)
    answers(w.curl(path="/cse-in/a%2Fb"), 400, 4000, "an escaped slash")
    answers(w.curl(path="/cse-in/a%00"), 400, 4000, "an escaped NUL")
    c = answers(w.curl(path="/cse-in/app?atrl=ri+api"), 200, 2000, "two attributes")
    same(sorted(json.loads(c[2])["m2m:ae"]), ["api", "ri"], "attributes")


@case
def curl_chunked(w):
    answers(w.curl("-H", "Transfer-Encoding: chunked", ty=3, body='{"m2m:cnt":{"rn":"chunks"}}'), 201, 2001, "chunked")
    big = os.path.join(w.cse.dir, "big.json")
    with open(big, "w") as f:
        json.dump({"m2m:cin": {"con": "x" * 300000}}, f)
    c = w.curl("-H", "Transfer-Encoding: chunked", path="/cse-in/app/chunks?rcn=0", ty=4, body="@" + big)
    answers(c, 201, 2001, "chunked, large")
    c = answers(w.curl(path="/cse-in/app/chunks/la"), 200, 2000, "what came")
    same(json.loads(c[2])["m2m:cin"]["cs"], 300000, "size")


@case
def curl_expect(w):
    c = w.curl("-H", "Expect: 100-continue", ty=3, body='{"m2m:cnt":{"rn":"expected"}}')
    answers(c, 201, 2001, "Expect")
    assert re.search(r"< HTTP/1.1 100", c[3]), c[3][-800:]
    same(w.curl("-H", "Expect: tea", ty=3, body='{"m2m:cnt":{}}')[0], 417, "another expectation")


@case
def curl_versions(w):
    same(w.curl("-0", "--no-alpn")[0], 505, "HTTP/1.0")
    assert "no application protocol" in w.curl("-0")[3], "HTTP/1.0 was agreed on"
    c = w.curl("--http2")
    answers(c, 200, 2000, "a client that offers HTTP/2")
    assert "server accepted http/1.1" in c[3], c[3][-800:]


@case
def curl_keeps_the_connection(w):
    c = w.curl("-o", "/dev/null", urls=["/cse-in/app", "/cse-in/app/none", "/cse-in/app"])
    same(len(re.findall(r"SSL connection using", c[3])), 1, "handshakes")
    same(len(re.findall(r"Re-using existing connection", c[3])), 2, "connections used again")


@case
def curl_other_methods(w):
    for method in ("PATCH", "BREW", "TRACE"):
        c = w.curl("-X", method)
        same((c[0], c[1].get("allow")), (405, "GET, POST, PUT, DELETE"), method)
    same(w.curl("-I")[0], 405, "HEAD")
    same(w.curl("-X", "OPTIONS")[0], 405, "OPTIONS without CORS")


@case
def curl_media_types(w):
    c = answers(w.curl("-H", "Accept: application/vnd.onem2m-res+json"), 200, 2000, "the oneM2M type")
    same(c[1]["content-type"], "application/vnd.onem2m-res+json", "type")
    answers(w.curl("-H", "Accept: application/xml"), 406, 5207, "XML is wanted")
    c = w.curl("-H", "Content-Type: application/xml;ty=3", "--data-binary", "<a/>")
    answers(c, 415, 4015, "XML is sent")
    c = answers(w.curl(body='{"m2m:cnt":{}}'), 400, 4000, "ty is missing")
    assert b"ty" in c[2], c[2]


@case
def curl_too_large(w):
    big = os.path.join(w.cse.dir, "huge.json")
    with open(big, "w") as f:
        json.dump({"m2m:cin": {"con": "x" * 2000000}}, f)
    for how in ("Content-Length:", "Transfer-Encoding: chunked"):
        args = ["-H", how] if how.startswith("T") else []
        c = w.curl(*args, "-H", "Expect:", path="/cse-in/app", ty=4, body="@" + big)
        same(c[0], 413, how)
    same(w.curl(path="/cse-in/" + "a" * 9000)[0], 414, "a long target")
    same(w.curl("-H", "X-Long: " + "a" * 9000)[0], 431, "a long field")
    same(w.curl(*sum((["-H", "X-%d: 1" % i] for i in range(120)), []))[0], 431, "many fields")


@case
def curl_without_certificate(w):
    c = w.curl(cert=False)
    assert c[0] == 0 and c[4] != 0, c[:3]
    assert "certificate required" in c[3], c[3][-400:]


@case
def curl_false_originator(w):
    answers(w.curl("-H", "X-M2M-Origin: COther"), 400, 4000, "two originators")
    r = w.session().get(w.url + "/cse-in/app", headers=dict(w.fields(), **{"X-M2M-Origin": "COther"}))
    same((r.status_code, r.headers["X-M2M-RSC"]), (403, "4106"), "another's name")


# --- python3-requests ------------------------------------------------------------------------------------------------


@case
def requests_each_operation(w):
    s = w.session()
    r = s.post(w.url + "/cse-in/app", json={"m2m:cnt": {"rn": "req", "lbl": ["a b", "c"]}}, headers=w.fields(3, True))
    same((r.status_code, r.headers["x-m2m-rsc"], r.json()["m2m:cnt"]["rn"]), (201, "2001", "req"), "CREATE")
    for i in range(5):
        r = s.post(w.url + "/cse-in/app/req", json={"m2m:cin": {"con": {"t": i}}}, headers=w.fields(4, True))
        same(r.status_code, 201, "instance")
    r = s.get(w.url + "/cse-in/app/req", params={"rcn": 4, "lim": 2, "ty": [4]}, headers=w.fields())
    same((r.status_code, len(r.json()["m2m:cnt"]["m2m:cin"])), (200, 2), "children")
    same(r.headers["X-M2M-CTS"], "1", "content status")
    r = s.get(w.url + "/cse-in", params={"fu": 1, "lbl": "c", "ty": 3}, headers=w.fields())
    same((r.status_code, r.headers["X-M2M-RSC"]), (200, "2000"), "discovery")
    same(r.json(), {"m2m:uril": ["cse-in/app/req"]}, "what was discovered")
    r = s.put(w.url + "/cse-in/app/req", json={"m2m:cnt": {"lbl": None}}, headers=w.fields(None, True))
    same((r.status_code, r.headers["X-M2M-RSC"]), (200, "2004"), "UPDATE")
    r = s.delete(w.url + "/cse-in/app/req", headers=w.fields())
    same((r.status_code, r.headers["X-M2M-RSC"]), (200, "2002"), "DELETE")


@case
def requests_streams(w):
    def parts():
        yield b'{"m2m:cnt":'
        yield b'{"rn":"str'
        yield b'eam"}}'

    r = w.session().post(w.url + "/cse-in/app", data=parts(), headers=w.fields(3, True))
    same((r.status_code, r.json()["m2m:cnt"]["rn"]), (201, "stream"), "a generator")


@case
def requests_text(w):
    s, text = w.session(), "Grüße \U0001f321 \\ \" \u2028"
    s.post(w.url + "/cse-in/app", json={"m2m:cnt": {"rn": "text"}}, headers=w.fields(3, True))
    r = s.post(w.url + "/cse-in/app/text", json={"m2m:cin": {"con": text}}, headers=w.fields(4, True))
    same(r.status_code, 201, "text")
    same(s.get(w.url + "/cse-in/app/text/la", headers=w.fields()).json()["m2m:cin"]["con"], text, "the same text")


# --- openssl s_client, Python's ssl ------------------------------------------------------------------------------------


@case
def s_client_pipelining(w):
    text = "".join("GET /cse-in/app%s HTTP/1.1\r\nHost: localhost\r\nX-M2M-Origin: CApp\r\nX-M2M-RVI: 3\r\nX-M2M-RI: p%d\r\n%s\r\n"
                   % ("/none" if i == 3 else "", i, "Connection: close\r\n" if i == 9 else "") for i in range(10))
    out, _ = w.s_client(text, "-tls1_3", "-quiet", "-nocommands")
    same(re.findall(r"X-M2M-RI: (p\d)", out), ["p%d" % i for i in range(10)], "order")
    same(re.findall(r"HTTP/1.1 (\d+)", out), ["200"] * 3 + ["404"] + ["200"] * 6, "statuses")


@case
def s_client_versions(w):
    get = "GET /cse-in/app HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-M2M-Origin: CApp\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n"
    for version in ("-tls1_3", "-tls1_2"):
        out, _ = w.s_client(get, version)
        assert "HTTP/1.1 200" in out and "Verify return code: 0 (ok)" in out, out[-1500:]
        assert "Secure Renegotiation IS NOT supported" in out or version == "-tls1_2", out[-1500:]
    out, status = w.s_client(get, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert status != 0 and "HTTP/1.1" not in out, out[-500:]
    for suite in ("ECDHE-ECDSA-AES128-SHA", "PSK-AES128-GCM-SHA256", "AES128-GCM-SHA256"):
        out, status = w.s_client(get, "-tls1_2", "-cipher", suite + ":@SECLEVEL=0")
        assert status != 0 and "HTTP/1.1" not in out, suite


@case
def ssl_half_close(w):
    ctx = ssl.create_default_context(cafile=w.ca)
    ctx.load_cert_chain(w.crt, w.key)
    c = w.cse.client("CApp")
    c.connect()
    sock = c.conn.sock
    sock.sendall(b"GET /cse-in/app HTTP/1.1\r\nHost: x\r\nX-M2M-Origin: CApp\r\nX-M2M-RI: 1\r\nX-M2M-RVI: 3\r\n\r\n")
    got = sock.recv(65536)
    assert got.startswith(b"HTTP/1.1 200"), got[:200]
    sock.unwrap().close()


@case
def server_still_answers(w):
    c = w.cse.client("CApp")
    must(c.get("/cse-in/app"), 2000, "after all that")
    c.close()


def main():
    cse, failed = Cse(sets=["log.level=debug"]), 0
    try:
        cse.start()
        cse.issue("CApp", "--ae", "CApp")
        w = World(cse)
        for fn in CASES:
            try:
                fn(w)
                print("ok     %s" % fn.__name__)
            except Exception as e:
                failed += 1
                print("FAILED %s: %s: %s" % (fn.__name__, type(e).__name__, e))
                if os.environ.get("VERBOSE"):
                    traceback.print_exc()
        same(cse.stop(), 0, "exit status of trothd")
    finally:
        cse.clean()
    print("%d passed, %d failed" % (len(CASES) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
