#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An older backup is put back while everything had gone on: codes were used and replaced, keys renewed, devices cloned, locked,
suspended and revoked.  Nobody gets in before the administrator accepts; afterwards only what was good then and was not ended since."""
import os
import ssl
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from cse import Cse, must, register  # noqa: E402
import est  # noqa: E402

STATES = "used replaced open steady renewed cloned liar paused back gone".split()


def aei(name):
    return "C" + name


def works(c, cert, name):
    d = c.client(cert, aei(name))
    try:
        return d.get("/cse-in/" + aei(name)).rsc == 2000
    except (OSError, ssl.SSLError):
        return False
    finally:
        d.close()


IDS = {}


def shows(c, name):
    return est.show(c, IDS[name])["state"]


def expect(c, **want):
    got = {name: shows(c, name) for name in want}
    assert got == want, "states %s, not %s" % (got, want)


def handshake_fails(c, code):
    """The code is none any more: what a wrong key gets."""
    return est.ask(c, "cacerts", code=code).code == 3


def change(c, name, word):
    est.admin(c, "POST", "/v1/devices/%s/%s" % (name, word), {}, 200)


def before(c):
    """What the backup knows: codes that are out, and devices that work."""
    codes = {}
    for name in STATES:
        d = est.add(c, name, aeIds=[aei(name)])
        codes[name], IDS[name] = d["code"], d["id"]
        if name in ("used", "replaced", "open"):
            continue
        assert est.enrol(c, name, codes[name]).status == "200", name
        d = c.client(name, aei(name))
        register(d, aei(name))
        d.close()
    change(c, "back", "suspend")
    return codes


def since(c, codes):
    """What happened since."""
    assert est.enrol(c, "used", codes["used"]).status == "200"
    register(c.client("used", aei("used")), aei("used"))
    codes["second"] = est.admin(c, "POST", "/v1/devices/replaced/code", {}, 200)["code"]
    assert est.renew(c, "renewed", "renewed2").status == "200" and works(c, "renewed2", "renewed")
    assert est.renew(c, "cloned", "cloned2").status == "200"
    assert est.renew(c, "cloned", "cloned3").status == "403"
    liar = c.client("liar", aei("liar"))
    assert liar.get("/cse-in/Csteady", originator=aei("steady")).rsc == 4106
    liar.close()
    change(c, "paused", "suspend")
    change(c, "back", "resume")
    change(c, "gone", "revoke")
    expect(c, used="active", replaced="code-out", cloned="suspended", liar="locked", paused="suspended", back="active", gone="revoked")


def held(c, codes):
    for name in STATES:
        if name not in ("used", "replaced", "open"):
            assert not works(c, name, name), "%s gets in while all are held" % name
    assert not works(c, "used", "used") and not works(c, "renewed2", "renewed")
    for code in codes.values():
        assert handshake_fails(c, code), "a code opens a session while all are held"
    expect(c, gone="revoked", steady="suspended", open="suspended")
    assert c.events("EV_ROLLBACK")


def accepted(c, codes):
    assert works(c, "steady", "steady")
    for name in ("renewed", "cloned", "liar", "paused", "gone"):
        assert not works(c, name, name), "%s was revived" % name
    # Keys that the store has forgotten are nobody's.
    assert not works(c, "used", "used") and not works(c, "renewed2", "renewed") and not works(c, "cloned2", "cloned")
    # Suspended when the backup was made, and what resumed it is forgotten: the administrator decides again.
    expect(c, gone="revoked", paused="suspended", cloned="suspended", renewed="suspended", back="suspended", liar="locked")
    for word in ("used", "replaced", "second"):
        assert handshake_fails(c, codes[word]), "the code of %s opens a session again" % word
    assert est.enrol(c, "open", codes["open"]).status == "200", "a code that nobody used goes on"
    register(c.client("open", aei("open")), aei("open"))


def mended(c):
    """A new code brings back whoever the store forgot."""
    for name in ("used", "replaced", "renewed"):
        code = est.admin(c, "POST", "/v1/devices/%s/code" % name, {}, 200)["code"]
        os.path.exists(os.path.join(c.creds, name + ".key")) and os.unlink(os.path.join(c.creds, name + ".key"))
        assert est.enrol(c, name, code).status == "200", name
        d = c.client(name, aei(name))
        if name != "renewed":
            register(d, aei(name))
        must(d.get("/cse-in/" + aei(name)), 2000, name + " with a new code")
        d.close()
    assert not works(c, "gone", "gone")


def main():
    est.make_client()
    with Cse() as c:
        c.start()
        codes = before(c)
        file = os.path.join(c.dir, "backup")
        c.trothctl("backup", file)
        since(c, codes)
        c.stop()
        c.trothctl("restore", file)
        c.start()
        held(c, codes)
        c.stop()  # a restart is no acceptance
        c.start()
        held(c, codes)
        c.trothctl("restore", "--accept-rollback")
        accepted(c, codes)
        c.kill()
        c.start()
        assert works(c, "steady", "steady") and not works(c, "paused", "paused") and shows(c, "liar") == "locked"
        mended(c)
        c.trothctl("events", "verify")
        c.trothctl("store", "check")
        assert c.stop() == 0
    print("an older backup: %d devices, none of them revived" % len(STATES))


if __name__ == "__main__":
    main()
