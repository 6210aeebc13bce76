#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doc/admin-api.yaml against a real trothd: each operation is sent with its examples, its answer must be one that is described
and fit the schema; an unknown path, a wrong method and bodies that are none end in a sentence."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import SRC, Cse, register  # noqa: E402

try:
    import yaml
except ImportError:
    print("skipped: no PyYAML (python3-yaml)")
    sys.exit(77)

METHODS = ("get", "put", "post", "delete", "patch")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int, "number": (int, float)}
done = 0


def check(fine, what):
    global done
    if not fine:
        raise AssertionError(what)
    done += 1


class Api:
    def __init__(self):
        with open(os.path.join(SRC, "doc", "admin-api.yaml"), encoding="utf-8") as f:
            self.text = f.read()
        self.doc = yaml.safe_load(self.text)

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            name = node["$ref"]
            node = self.doc
            for part in name.lstrip("#/").split("/"):
                check(part in node, "%s leads nowhere" % name)
                node = node[part]
        return node

    def fits(self, value, schema, at):
        """The part of JSON Schema 2020-12 that the file uses; what it does not know is an error."""
        schema = self.resolve(schema)
        unknown = set(schema) - {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "pattern",
                                 "minLength", "minimum", "maximum", "minProperties", "maxProperties", "description"}
        check(not unknown, "%s: the schema has %s" % (at, unknown))
        if "const" in schema:
            check(value == schema["const"], "%s: %r is not %r" % (at, value, schema["const"]))
        if "enum" in schema:
            check(value in schema["enum"], "%s: %r is none of %s" % (at, value, schema["enum"]))
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            check(any(isinstance(value, TYPES[t]) and (t in ("boolean",) or not isinstance(value, bool)) for t in types),
                  "%s: %r is no %s" % (at, value, types))
        if isinstance(value, str):
            check(re.search(schema.get("pattern", ""), value), "%s: %r is not as %s" % (at, value, schema.get("pattern")))
            check(len(value) >= schema.get("minLength", 0), "%s: too short" % at)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            check(schema.get("minimum", value) <= value <= schema.get("maximum", value), "%s: %r is out of range" % (at, value))
        if isinstance(value, list):
            for i, v in enumerate(value):
                self.fits(v, schema.get("items", {}), "%s[%d]" % (at, i))
        if isinstance(value, dict):
            self.fits_object(value, schema, at)

    def fits_object(self, value, schema, at):
        known = schema.get("properties", {})
        missing = set(schema.get("required", ())) - set(value)
        check(not missing, "%s: lacks %s" % (at, missing))
        check(schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)), "%s: members" % at)
        more = schema.get("additionalProperties", True)
        for name, v in value.items():
            if name in known:
                self.fits(v, known[name], at + "." + name)
            else:
                check(more is not False, "%s: has %s, which is not described" % (at, name))
                if isinstance(more, dict):
                    self.fits(v, more, at + "." + name)

    def operations(self):
        for path, item in self.doc["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method.upper(), path, item[method]


class Socket(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        self.request(method, path, None if body is None else body if isinstance(body, str) else json.dumps(body),
                     {"Content-Type": "application/json"} if body is not None else {})
        r = self.getresponse()
        return r.status, (r.headers["Content-Type"] or "").split(";")[0], r.read().decode()


class Run:
    def __init__(self, api, cse):
        self.api, self.cse, self.sock = api, cse, Socket(os.path.join(cse.state, "admin.sock"))
        self.values = {"$CSR": self.request_for("x"), "$FILE": os.path.join(cse.dir, "a.backup")}
        cse.issue("CDev1", "--ae", "CDev1")
        register(cse.client("CDev1"), "CDev1")
        self.values["$CREDENTIAL"] = json.loads(self.sock.ask("GET", "/v1/credentials")[2])[0]["id"]

    def request_for(self, name):
        key = os.path.join(self.cse.dir, name + ".key")
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True)
        return subprocess.run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=" + name], check=True, capture_output=True,
                              text=True).stdout

    def example(self, node):
        if isinstance(node, dict):
            return {k: self.example(v) for k, v in node.items()}
        if isinstance(node, list):
            return [self.example(v) for v in node]
        return self.values.get(node, node) if isinstance(node, str) else node

    def call(self, method, path, op, body="example", without=()):
        query = []
        for p in map(self.api.resolve, op.get("parameters", ())):
            check("example" in p, "%s %s: %s has no example" % (method, path, p["name"]))
            value = self.example(p["example"])
            self.api.fits(value, p["schema"], p["name"])
            if p["in"] == "path":
                path = path.replace("{%s}" % p["name"], str(value))
            elif p["name"] not in without:
                query.append("%s=%s" % (p["name"], value))
        content = op.get("requestBody", {}).get("content", {}).get("application/json")
        if body == "example":
            body = self.example(content["example"]) if content else None
            if content:
                self.api.fits(body, content["schema"], "example of " + op["operationId"])
        return self.sock.ask(method, path + ("?" + "&".join(query) if query else ""), body)

    def answer_fits(self, op, status, kind, text):
        name = op["operationId"]
        check(str(status) in op["responses"], "%s answers %d, which is not described: %s" % (name, status, text[:300]))
        described = self.api.resolve(op["responses"][str(status)])["content"]
        check(kind in described, "%s: %s instead of %s" % (name, kind, list(described)))
        schema = described[kind]["schema"]
        if kind == "application/jsonl":
            for line in text.splitlines():
                self.api.fits(json.loads(line), schema, name)
        else:
            self.api.fits(json.loads(text) if kind == "application/json" else text, schema, name)

    def one(self, method, path, op):
        status, kind, text = self.call(method, path, op)
        self.answer_fits(op, status, kind, text)
        # What the examples cannot bring about (nobody is locked, nothing was restored) says so in the file.
        check(status < 300 or status == op.get("x-example-status"), "%s: %d %s" % (op["operationId"], status, text[:300]))
        if "requestBody" in op:
            for bad in ("", "{", "[]", '{"unknown": 1}', '{"a": 1, "a": 2}', "\x00", "[" * 5000):
                status, kind, text = self.call(method, path, op, body=bad)
                if status >= 300 or op["requestBody"].get("required", False):
                    check(status == 400, "%s with the body %.20r: %d %s" % (op["operationId"], bad, status, text))
                    self.answer_fits(op if "400" in op["responses"] else REFUSED, status, kind, text)


REFUSED = {"operationId": "refused", "responses": {"400": {"$ref": "#/components/responses/Refused"}}}


def main():
    api = Api()
    check(api.doc["openapi"] == "3.1.0", "version")
    names = [op["operationId"] for _, _, op in api.operations()]
    check(len(set(names)) == len(names), "a name stands twice: %s" % sorted(n for n in names if names.count(n) > 1))
    with Cse() as c:
        c.start()
        run = Run(api, c)
        for method, path, op in api.operations():
            run.one(method, path, op)
        for method, path, want in (("GET", "/v1/nothing", 404), ("GET", "/", 404), ("GET", "/v1/zones/7", 405), ("DELETE", "/v1/status", 405),
                                   ("GET", "/v1/credentials/", 404), ("POST", "/v1/credentials//revoke", 404)):
            status, kind, text = run.sock.ask(method, path)
            check((status, kind) == (want, "application/json"), "%s %s: %d %s" % (method, path, status, text))
            api.fits(json.loads(text), {"$ref": "#/components/schemas/Error"}, path)
        check(c.stop() == 0, "the end")
    for group in ("schemas", "responses", "parameters"):
        for name in api.doc["components"][group]:
            check('"#/components/%s/%s"' % (group, name) in api.text, "%s %s is used by nobody" % (group, name))
    print("%d passed, 0 failed" % done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
