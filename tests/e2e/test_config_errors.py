# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message about a configuration, provoked by a real file or by flags: exactly these lines, in
the order of the files and their lines, and nothing is started. The last test compares the table with
the sources."""

import re

import pytest

from procs import REPO, run

FINE = "[server s]\n[route r]\nhandler = echo\n"
ROUTE = "[server s]\n[upstream u]\nurl = http://127.0.0.1:1\n[route r]\n"  # options from line 5 on

ADDRESS = ("is not ADDR:PORT: write 127.0.0.1:8443, [::1]:8443, localhost:8443, or :8443 for every "
           "address")
HOST_NAME = "is no host name: write it in ASCII (xn--… for other letters), as app.test or *.app.test"
NOT_A_ROUTE = ("is not HOST/PREFIX=URL: write '/api=http://127.0.0.1:4000' or "
               "'api.localhost/=http://127.0.0.1:4000'")
SCHEMES = "it must begin with http://, https://, h2c://, tcp:// or unix:"
BUILT = "to an upstream is not built yet: use http://HOST:PORT or unix:PATH"
NO_SERVER = "x.ini: there is no [server NAME]: it says where to listen"
NO_ROUTE = "x.ini: there is no [route NAME]: it says who answers"

# What a file says, and what is told of it (without "h3gw: ").
FILES = {
    # lines
    "control character": (FINE + "a = b\x01\n", [
        "x.ini:4: a control character is in this line: remove it"]),
    "long line": (FINE + "timeout =" + " " * 4085 + "5s\n", [
        "x.ini:4: this line is too long: 4094 characters fit"]),
    "open quote": (FINE + 'rewrite = "/a\n', [
        'x.ini:4: the value\'s second quote is missing: write key = "value"']),
    "behind the quote": (FINE + 'rewrite = "/a" b\n', [
        "x.ini:4: something stands behind the value's second quote: a comment begins with ;"]),
    "open section": (FINE + "[route x\n", [
        'x.ini:4: the "]" is missing: write [kind name]']),
    "behind the section": (FINE + "[route x] y\n", [
        'x.ini:4: something stands behind the "]": a comment begins with ;']),
    "long name": (FINE + f"[route {'x' * 50}]\n", [
        "x.ini:4: this name is too long: kind and name together may have 49 characters"]),
    "no equals sign": (FINE + "what is this\n", [
        "x.ini:4: not understood: write [kind name] or key = value"]),
    # sections and options
    "before the first": ("port = 1\n" + FINE, [
        "x.ini:1: port stands before the first [section], where only include may"]),
    "unknown section": (FINE + "[gatway]\n[foobar]\n", [
        "x.ini:4: unknown section [gatway]: did you mean [gateway]?",
        "x.ini:5: unknown section [foobar]"]),
    "no name": (FINE + "[server]\n", ["x.ini:4: [server] needs a name: [server NAME]"]),
    "a name": (FINE + "[gateway x]\n", ["x.ini:4: [gateway] takes no name: write [gateway]"]),
    "section twice": (FINE + "[gateway]\n[gateway]\n[route r]\n", [
        "x.ini:5: [gateway] stands in line 4 already",
        "x.ini:6: [route r] stands in line 2 already"]),
    "unknown option": (FINE + "[gateway]\nhtpp3 = on\nfoo = bar\n", [
        "x.ini:5: unknown option htpp3 in [gateway]: did you mean http3?",
        "x.ini:6: unknown option foo in [gateway]"]),
    "option twice": (FINE + "[gateway]\ncc = bbr\ncc = reno\n", [
        "x.ini:6: cc stands in line 5 already: keep one of them"]),
    "switch": (FINE + "[gateway]\nhttp3 = maybe\n", [
        'x.ini:5: http3 must be on or off, not "maybe"']),
    "choice": (FINE + "[gateway]\ncc = cubit\n", [
        'x.ini:5: cc must be one of cubic|reno|bbr, not "cubit"']),
    "numbers": (FINE + "[gateway]\nmax-fields = 1\nbody-buffer = 1k\nheader-timeout = 1 s\n"
                       "max-streams = many\nidle-timeout = 25h\n", [
        'x.ini:5: max-fields must be between 8 and 10000, not "1"',
        'x.ini:6: body-buffer must be between 16k and 16M, not "1k"',
        'x.ini:7: header-timeout must be between 1ms and 1h, not "1 s"',
        'x.ini:8: max-streams must be between 1 and 10000, not "many"',
        'x.ini:9: idle-timeout must be between 1ms and 24h, not "25h"']),
    "page's address": (FINE + "[gateway]\nhealth = :80\nstats = app.test:80\n", [
        f'x.ini:{line}: {key} must be ADDR:PORT, as 127.0.0.1:9000 or [::1]:9000, or off, not '
        f'"{text}"' for line, key, text in ((5, "health", ":80"), (6, "stats", "app.test:80"))]),
    "admin's address": (FINE + "[gateway]\nadmin = 15000\nworkers = 65\n", [
        'x.ini:5: admin: "15000" is not ADDR:PORT or unix:PATH: write 127.0.0.1:15000, '
        'unix:/run/h3gw.sock, auto or off',
        'x.ini:6: workers must be between 1 and 64, not "65"']),
    "nothing": ("", [NO_SERVER, NO_ROUTE]),
    # passthrough
    "passed through": (
        "[server p]\ntls = passthrough\nhosts = p.test, q.test\nhttp3 = on\nadvertise = 1\n"
        "credential = c\n[credential c]\ncert = x\nkey = x\n"
        "[server s]\nlisten = :1\nhosts = s.test\n"
        "[route p]\nhosts = p.test\nupstream = u\nrewrite = /x\n"
        "[route b]\nhosts = p.test, s.test\nupstream = v\n"
        "[upstream u]\nurl = http://127.0.0.1:1\nurl = https://127.0.0.1:1/x\n"
        "[upstream v]\nurl = unix:/v\n"
        "[route s]\nhosts = s.test\nupstream = w\n[upstream w]\nurl = tcp://127.0.0.1:1\n", [
            'x.ini:3: hosts: no [route] says where connections for "q.test" go: write one with hosts '
            "and upstream",
            "x.ini:4: http3: the server has tls = passthrough, which is not mirrored: remove it",
            "x.ini:5: advertise: the server has tls = passthrough, so no alt-svc can be sent: remove "
            "it",
            "x.ini:6: credential: the server has tls = passthrough, so the upstream shows a "
            "certificate, not h3gw: remove it",
            "x.ini:8: credential: cannot read x: No such file or directory",
            "x.ini:9: credential: cannot read x: No such file or directory",
            "x.ini:16: rewrite: its server has tls = passthrough, so requests are not seen: only hosts "
            "and upstream can stand here",
            "x.ini:17: route: path / with such hosts is already [route p]'s (line 13): one of them "
            "would never answer",
            "x.ini:18: hosts: they belong both to a server with tls = passthrough and to one without: "
            "make a route for each",
            'x.ini:21: upstream: "http://127.0.0.1:1": its route\'s server has tls = passthrough, so '
            "TLS must end there: use https://HOST:PORT, tcp://HOST:PORT or unix:PATH",
            'x.ini:22: upstream: "https://127.0.0.1:1/x": connections are passed on as they are: a '
            "path means nothing",
            "x.ini:25: route: path / with such hosts is already [route b]'s (line 17): one of them "
            "would never answer",
            'x.ini:29: upstream: "tcp://127.0.0.1:1": tcp is for routes of servers with tls = '
            "passthrough: use http://HOST:PORT or unix:PATH"]),
    # [server], [gateway]
    "address": ("[server s]\nlisten = 127.0.0.1:1, app.test:1\nlisten = :70000\nlisten = unix:/x\n"
                "[gateway]\nhttp-redirect = here\n[route r]\nhandler = echo\n", [
        f'x.ini:2: listen: "app.test:1" {ADDRESS}',
        f'x.ini:3: listen: ":70000" {ADDRESS}',
        f'x.ini:4: listen: "unix:/x" {ADDRESS}',
        f'x.ini:6: http-redirect: "here" {ADDRESS}']),
    "address twice": ("[server s]\nlisten = 127.0.0.1:1\nlisten = localhost:1\n[route r]\n"
                      "handler = echo\n", [
        "x.ini:3: listen: 127.0.0.1:1 and localhost:1 mean the same address: keep one of them"]),
    "hosts": ("[server s]\nhosts = a.test\nhosts = b c, d/e\n[route r]\nhosts = ü.test, *x.test\n"
              "handler = echo\n", [
        f'x.ini:3: hosts: "b c" {HOST_NAME}',
        f'x.ini:3: hosts: "d/e" {HOST_NAME}',
        f'x.ini:5: hosts: "ü.test" {HOST_NAME}',
        f'x.ini:5: hosts: "*x.test" {HOST_NAME}']),
    "many hosts": ("[server s]\n" + "".join(f"hosts = {i}.test\n" for i in range(61))
                   + "[route r]\nhandler = echo\n", [
        "x.ini:62: hosts: more than 60 names: they have to fit into one certificate, so make it "
        "two sections"]),
    "host of two servers": (
        "[server s]\nlisten = :1\nhosts = a.test\nhosts = b.test\n[server t]\nlisten = :1\n"
        "hosts = c.test\nhosts = B.test\n[server v]\nlisten = :1\n[server w]\nlisten = :1\n"
        "[route r]\nhandler = echo\n", [
            'x.ini:8: hosts: "B.test" on :1 is already [server s]\'s (line 4)',
            'x.ini:11: hosts: "*" on :1 is already [server v]\'s (line 9)']),
    "references": ("[server s]\ncredential = cart\n[server t]\nlisten = :1\ncredential = none\n"
                   "tls = mutual\n[credential cert]\nclient-ca = rsa.pem\n[route r]\n"
                   "upstream = ap\n[upstream app]\nurl = http://127.0.0.1:1\n", [
        "x.ini:2: credential: there is no [credential cart]: did you mean cert?",
        "x.ini:5: credential: there is no [credential none]",
        "x.ini:10: upstream: there is no [upstream ap]: did you mean app?"]),
    "no upstream at all": ("[server s]\n[route r]\nupstream = app\n", [
        "x.ini:3: upstream: there is no [upstream app]"]),
    "no client-ca": ("[server s]\ntls = mutual\n[server t]\nlisten = :1\ntls = optional-mutual\n"
                     "credential = c\n[credential c]\ncert = a.pem\nkey = a.key\n[route r]\n"
                     "handler = echo\n", [
        f"x.ini:{line}: tls: asking for client certificates needs a credential with client-ca = FILE"
        for line in (2, 5)]),
    "redirect's address": ("[gateway]\nhttp-redirect = localhost:9\n[server s]\n"
                           "listen = 127.0.0.1:9\n[route r]\nhandler = echo\n", [
        "x.ini:2: http-redirect: a server listens on localhost:9 already: choose another port"]),
    # [credential], [upstream]
    "half a credential": (FINE + "[credential a]\ncert = a.pem\n[credential b]\nkey = a.key\n"
                                 "[credential c]\n", [
        "x.ini:4: credential: key = FILE is missing",
        "x.ini:6: credential: cert = FILE is missing",
        "x.ini:8: credential: cert = FILE is missing",
        "x.ini:8: credential: key = FILE is missing"]),
    "urls": (FINE + "[upstream u]\n[upstream v]\nurl = http://a.test, 127.0.0.1:1\nurl = unix:x\n"
                    "url = http://a:b@c\nurl = http://a.test/#x\nurl = http://a:99999\n"
                    "url = \"http://a/ b\"\nurl = https://a.test, h2c://a\nurl = http://a/base\n", [
        "x.ini:4: upstream: url = URL is missing",
        f'x.ini:6: upstream: "127.0.0.1:1": {SCHEMES}',
        'x.ini:7: upstream: "unix:x": unix: wants an absolute path',
        'x.ini:8: upstream: "http://a:b@c": user and password are not supported',
        'x.ini:9: upstream: "http://a.test/#x": a fragment (#) has no meaning here',
        'x.ini:10: upstream: "http://a:99999": malformed host or port',
        'x.ini:11: upstream: "http://a/ b": malformed path',
        f'x.ini:12: upstream: "https://a.test": https {BUILT}',
        f'x.ini:12: upstream: "h2c://a": h2c {BUILT}',
        'x.ini:13: upstream: "http://a/base": the path would be ignored: end it after the port, and '
        "say rewrite = PATH in the [route]"]),
    # [route]
    "no answer": (ROUTE, [
        "x.ini:4: route: upstream = NAME is missing (or handler = echo, redirect, respond)"]),
    "two answers": (ROUTE + "respond = 200\nredirect = /x\nhandler = echo\nupstream = u\n", [
        f"x.ini:{line}: upstream and {other} exclude one another: keep one of them"
        for line, other in ((5, "respond"), (6, "redirect"), (7, "handler = echo"))]),
    "two paths": (ROUTE + "upstream = u\nexact = /a\npath = /b\n", [
        "x.ini:6: path and exact exclude one another: keep one of them"]),
    "paths": (ROUTE + "upstream = u\nexact = x\n[route s]\nupstream = u\npath = /a?b\n", [
        'x.ini:6: exact: "x" does not begin with "/": write /x',
        "x.ini:9: path: write a path without query (?) and fragment (#)"]),
    "route twice": (ROUTE + "upstream = u\n[route t]\nrespond = 200\npath = /\n", [
        "x.ini:6: route: path / with such hosts is already [route r]'s (line 4): one of them would "
        "never answer"]),
    "redirect": (ROUTE + "upstream = u\nredirect-status = 302\n[route a]\npath = /a\n"
                 "redirect = //evil.test\n[route b]\npath = /b\nredirect = evil.test\n[route c]\n"
                 "path = /c\nredirect = \"/a b\"\n[route d]\npath = /d\nredirect = https://a:b@c\n"
                 "redirect-status = 304\n", [
        "x.ini:6: redirect-status: it means nothing without redirect = URL",
        'x.ini:9: redirect: "//evil.test": "//" would be another host: write it with https://',
        'x.ini:12: redirect: "evil.test": it must be a URL (https://…) or a path (/…)',
        'x.ini:15: redirect: "/a b": a blank or a control character is in it',
        'x.ini:18: redirect: "https://a:b@c": user and password are not supported',
        'x.ini:19: redirect-status must be one of 301|302|303|307|308, not "304"']),
    "respond": (ROUTE + "upstream = u\nrespond-body = x\n[route a]\npath = /a\nrespond = 100\n"
                "[route b]\npath = /b\nrespond = 204\nrespond-body = x\n[route c]\npath = /c\n"
                "respond = 600\n", [
        "x.ini:6: respond-body: it means nothing without respond = STATUS",
        "x.ini:9: respond: write a status between 200 and 599",
        "x.ini:13: respond-body: a response of this status has no body (204, 205, 304)",
        "x.ini:14: route: upstream = NAME is missing (or handler = echo, redirect, respond)",
        'x.ini:16: respond must be between 0 and 599, not "600"']),
    "on the way": (ROUTE + "respond = 200\nrewrite = /x\nset-request-header = a: b\n"
                   "remove-request-header = a\ntimeout = 5s\n[route a]\nupstream = u\npath = /a\n"
                   "rewrite = x\n[route b]\nupstream = u\npath = /b\nrewrite = /x?y\n"
                   "[route c]\nupstream = u\npath = /c\nrewrite = /caf\u00e9/\n", [
        *(f"x.ini:{line}: {key}: no request goes on from a route that redirects or responds"
          for line, key in ((6, "rewrite"), (7, "set-request-header"),
                            (8, "remove-request-header"))),
        "x.ini:9: timeout: it is for routes with upstream = NAME",
        'x.ini:13: rewrite: write a path that begins with "/"',
        *(f"x.ini:{line}: rewrite: write a path without query (?), fragment (#) and blanks; what is "
          "not ASCII as %XX" for line in (17, 21))]),
    "fields": (ROUTE + "upstream = u\nset-request-header = a: b\nset-request-header = a\n"
               "add-request-header = a b: c\nremove-request-header = x, te\n"
               "set-response-header = Content-Length: 5\nadd-response-header = Host: a\n"
               "remove-response-header = connection\n", [
        'x.ini:7: set-request-header: "a" is not NAME: VALUE',
        'x.ini:8: add-request-header: "a b: c" has no valid field name',
        'x.ini:9: remove-request-header: "te" is about framing or the connection: h3gw sets it '
        "itself",
        'x.ini:10: set-response-header: "Content-Length: 5" is about framing or the connection: '
        "h3gw sets it itself",
        'x.ini:11: add-response-header: "Host: a" cannot be edited: host-header = upstream sends '
        "the upstream's own name",
        'x.ini:12: remove-response-header: "connection" is about framing or the connection: h3gw '
        "sets it itself"]),
    # include
    "include": ("include = gone.ini\ninclude = more/*.ini\n[gateway]\ninclude = x.ini\n"
                "include = more/a.ini\ninclude = m*/a.ini\ninclude = bin\ninclude = x.ini/*\n"
                "cc = reno\n", [
        NO_SERVER,
        "x.ini:1: include: cannot read gone.ini: No such file or directory",
        "x.ini:4: include: a circle of files: x.ini -> x.ini",
        "x.ini:5: include: more/a.ini was included in line 2 already",
        'x.ini:6: include: "m*/a.ini": wildcards may stand in the file\'s name only, not in its '
        "folder's",
        "x.ini:7: include: cannot read bin: it is no text file",
        "x.ini:8: include: cannot look into x.ini/: Not a directory",
        "x.ini:9: cc stands in more/a.ini:2 already: keep one of them",
        "more/b.ini:3: include stands in [route b]: write it into [gateway], or before the first "
        "[section]"]),
    "a deep include": ("include = deep/0\n" + FINE, [
        "deep/7:1: include: more than 8 files deep: x.ini -> " + " -> ".join(
            f"deep/{i}" for i in range(9))]),
    "many includes": ("include = many/*\n" + FINE, [
        "x.ini:1: include: more than 256 files: is many/355 the right one?"]),
    # what is in the files of a credential
    "files": (
        "[server a]\nlisten = :1\ncredential = a\n[server b]\nlisten = :2\ncredential = b\n"
        "[server c]\nlisten = :3\nhosts = b.test\nhosts = a.test\ncredential = c\n[credential a]\n"
        "cert = gone.pem\nkey = more\nclient-ca = bin\n[credential b]\ncert = rsa.key\n"
        "key = rsa.pem\nclient-ca = huge\n[credential c]\ncert = a.pem\nkey = rsa.key\n"
        "[route r]\nhandler = echo\n[server d]\nlisten = :4\ncredential = a\n", [
            "x.ini:13: credential: cannot read gone.pem: No such file or directory",
            "x.ini:14: credential: cannot read more: Is a directory",
            "x.ini:15: credential: bin has no certificate in PEM form",
            "x.ini:17: credential: rsa.key has no certificate in PEM form",
            "x.ini:18: credential: rsa.pem has no private key that can be used: PEM without a "
            "password is wanted",
            "x.ini:19: credential: cannot read huge: it is too long",
            "x.ini:21: credential: a.pem does not cover the host b.test of [server c] (line 9)",
            "x.ini:22: credential: the key rsa.key does not belong to a.pem"]),
    "times": ("[server a]\nlisten = :1\ncredential = a\n[server b]\nlisten = :2\ncredential = b\n"
              "[credential a]\ncert = old.pem\nkey = times.key\n[credential b]\ncert = future.pem\n"
              "key = times.key\n[route r]\nhandler = echo\n", [
        "x.ini:8: credential: old.pem has expired, on Fri, 01 Jan 2021 00:00:00 GMT",
        "x.ini:11: credential: future.pem is not valid before Sun, 01 Jan 2090 00:00:00 GMT: is "
        "the clock right?"]),
    # all at once
    "everything": ("[server s]\nhosts = a b\ncredential = c\n[route r]\nhandler = ech\n"
                   "[credential c]\ncert = gone.pem\nkey = gone.key\n", [
        f'x.ini:2: hosts: "a b" {HOST_NAME}',
        "x.ini:4: route: upstream = NAME is missing (or handler = echo, redirect, respond)",
        'x.ini:5: handler must be one of proxy|echo, not "ech"',
        "x.ini:7: credential: cannot read gone.pem: No such file or directory",
        "x.ini:8: credential: cannot read gone.key: No such file or directory"]),
}

# The words behind `h3gw check`, the exit status, and what is told. fine.ini and no.ini are there.
FLAGS = {
    "values": (["--alt-svc-port", "70000", "--log-level=loud", "--listen", "here"], 2, [
        '--alt-svc-port must be between 0 and 65535, not "70000"',
        '--log-level must be one of error|warn|info|debug, not "loud"',
        f'listen: "here" {ADDRESS}']),
    "beside a file": (["fine.ini", "--config=fine.ini"], 2, None),
    "two files": (["fine.ini", "no.ini"], 2, None),
    "what makes something": (["-c", "fine.ini", "--listen=:1", "--host=a", "--upstream=http://a",
                              "--cert=a", "--key=a", "--client-ca=a", "--route=/=http://a",
                              "--echo"], 2, [
        *(f"--{flag} beside --config: write it into the file, or leave --config out"
          for flag in ("listen", "host", "upstream", "cert", "key", "client-ca", "route")),
        "--echo beside --config: choose one"]),
    "both": (["-c", "no.ini", "--max-fields=1"], 2, [
        "no.ini: there is no [server NAME]: it says where to listen",
        "no.ini: there is no [route NAME]: it says who answers",
        '--max-fields must be between 8 and 10000, not "1"']),
    "echo and upstream": (["--echo", "--upstream=http://127.0.0.1:1"], 2, [
        "--echo beside --upstream: choose one"]),
    "routes": (["--route=/a", "--route=a,b/=http://c"], 2, [
        f'--route: "/a" {NOT_A_ROUTE}', f'--route: "a,b/=http://c" {NOT_A_ROUTE}']),
    "a route twice": (["--route=/=http://a", "--upstream=http://b"], 2, [
        "route: path / with such hosts is already [route route1]'s (by flag): one of them would "
        "never answer"]),
    "half a credential": (["--cert=a.pem"], 2, ["--cert needs --key FILE beside it"]),
    "the other half": (["--key=a.key"], 2, ["--key needs --cert FILE beside it"]),
    "no such file": (["gone.ini"], 1, [
        "cannot read the configuration gone.ini: No such file or directory"]),
    "a folder": (["more"], 1, ["cannot read the configuration more: Is a directory"]),
    "no text": (["bin"], 1, ["cannot read the configuration bin: it is no text file"]),
    "too long": (["huge"], 1, ["cannot read the configuration huge: it is too long"]),
    "a certificate": (["--cert=gone.pem", "--key=a.key"], 1, [
        "credential: cannot read gone.pem: No such file or directory"]),
}

# Of serve, and a warning.
NO_PLACE = ("fine.ini:1: no place for the CA: set H3GW_CAROOT or HOME to a folder, or give --cert and "
            "--key")
NO_LEAF = ('x.ini:2: cannot make a certificate: "a..test" is no host name: its parts have 1 to 63 '
           "letters, digits and inner hyphens")
SOON = "warning: soon.pem of [credential given] ends in 19 days"

# In the sources, but not to be provoked by a file or by flags.
ELSEWHERE = {
    "has no valid field value",  # such a line is refused before; edits_test
    "What to serve", "this text",  # of the help
    "%sthe CA %s ends in %lld days: remove it and trust the next one",  # a warning; ca_test
}

SIGNED = """[ca]
default_ca = here
[here]
database = index
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = all
[all]
commonName = supplied
"""


def sign(folder, name, start, end):
    (folder / "index").write_text("")
    made = run("openssl", "ca", "-config", "signed.cnf", "-selfsign", "-keyfile", "times.key", "-in",
               "times.csr", "-batch", "-notext", "-startdate", start, "-enddate", end, "-out", name,
               cwd=folder)
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def place(shared):
    """A home whose folder has all that the files name."""
    home = shared.home()
    folder = home.folder
    for command in (["a.test", "--cert-file=a.pem", "--key-file=a.key"],
                    ["c.test", "--rsa", "--cert-file=rsa.pem", "--key-file=rsa.key"],
                    ["a.test", "--days=20", "--cert-file=soon.pem", "--key-file=soon.key"]):
        made = home.h3gw("certgen", *command)
        assert made.returncode == 0, made.stderr
    (folder / "signed.cnf").write_text(SIGNED)
    assert run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "times.key",
               "-subj", "/CN=a.test", "-out", "times.csr", cwd=folder).returncode == 0
    sign(folder, "old.pem", "20200101000000Z", "20210101000000Z")
    sign(folder, "future.pem", "20900101000000Z", "20910101000000Z")
    (folder / "fine.ini").write_text(FINE)
    (folder / "no.ini").write_text("")
    (folder / "bin").write_bytes(b"a\0b")
    (folder / "huge").write_bytes(b"#" * (1 << 20 | 1))
    for name in ("more", "deep", "many"):
        (folder / name).mkdir()
    (folder / "more" / "a.ini").write_text("[gateway]\ncc = bbr\n")
    (folder / "more" / "b.ini").write_text("[route b]\nhandler = echo\ninclude = a.ini\n")
    for i in range(10):
        (folder / "deep" / str(i)).write_text(f"include = {i + 1}\n")
    for i in range(100, 356):
        (folder / "many" / str(i)).write_text("")
    return home


def told(result):
    lines = result.stderr.splitlines()
    assert all(line.startswith("h3gw: ") for line in lines), result.stderr
    return [line[len("h3gw: "):] for line in lines]


@pytest.mark.parametrize("name", FILES)
def test_file(place, name):
    text, wanted = FILES[name]
    (place.folder / "x.ini").write_text(text)
    result = place.h3gw("check", "x.ini")
    assert told(result) == wanted
    assert (result.returncode, result.stdout) == (1, "")


@pytest.mark.parametrize("name", FLAGS)
def test_flags(place, name):
    words, status, wanted = FLAGS[name]
    result = place.h3gw("check", *words)
    if wanted is None:
        assert result.stderr == "h3gw check: one file at a time; it may include others\n"
    else:
        assert told(result) == wanted
    assert (result.returncode, result.stdout) == (status, "")


@pytest.mark.parametrize("command", ["check", "serve"])
def test_without_folders(place, command):
    """Only serve needs a place for the CA."""
    nowhere = {name: "" for name in ("HOME", "XDG_DATA_HOME", "H3GW_CAROOT")}
    result = place.h3gw(command, "--config", "fine.ini", env=nowhere)
    if command == "check":
        assert (result.returncode, result.stdout) == (0, "fine\n")
        return
    assert result.returncode == 1
    assert told(result) == [NO_PLACE]


def test_a_name_for_no_certificate(place):
    (place.folder / "x.ini").write_text("[server s]\nhosts = a..test\n[route r]\nhandler = echo\n")
    result = place.h3gw("serve", "--config", "x.ini")
    assert result.returncode == 1
    assert told(result) == [NO_LEAF]


def test_an_end_that_is_near(place):
    """A warning: all is fine."""
    result = place.h3gw("check", "--cert=soon.pem", "--key=soon.key")
    assert (result.returncode, result.stdout) == (0, "fine\n")
    assert told(result) in ([SOON], [SOON.replace("19", "20")])


# ---- the table is complete ------------------------------------------------------------------------

STRING = r'"((?:[^"\\]|\\.)*)"'
FORMAT = r"%(?:\.\*s|[a-z]+)"


def sentences(path):
    """The string literals of a source that have a blank in them; neighbours are one, and what is
    put in at run time is left out."""
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    text = re.sub(r"own_rows\[\] = \{.*?\n\};", "", text, flags=re.S)
    text = re.sub(r"'(?:[^'\\\n]|\\.)'", "", text).replace("STR_FMT", '"%.*s"')
    text = re.sub(r"^#include.*", "", text, flags=re.M)
    text = re.sub(r'(?<=[^\\])"\s+"', "", text)
    found = (match.replace('\\"', '"') for match in re.findall(STRING, text))
    return [sentence for sentence in found if " " in sentence.strip()]


def test_every_message_is_provoked():
    sources = [*sorted((REPO / "src" / "gateway" / "config").glob("*.c")),
               *(REPO / "src" / "gateway" / f"{name}.c" for name in ("identity", "edits", "redirect"))]
    lines = [NO_PLACE, NO_LEAF, SOON]
    for *_, wanted in [*FILES.values(), *FLAGS.values()]:
        lines += wanted or []
    everything = "\n".join(lines)
    missing = [f"{path.name}: {sentence}" for path in sources for sentence in sentences(path)
               if sentence not in ELSEWHERE
               and not all(part in everything for part in re.split(FORMAT, sentence))]
    assert not missing, "\n".join(missing)
