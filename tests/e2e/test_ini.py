# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in ini/: each is right, and does what its comments promise. (paths.ini: test_routes;
article.ini: test_admin.)"""

import re
import shutil

import pytest

from clients import VERSIONS
from procs import REPO, free_port
from spellings import CA_CERT
from upstreams import naming

INI = REPO / "ini"
FILES = sorted(path.name for path in INI.glob("*.ini"))


class Examples:
    """A copy of ini/, with the certificates that the comments speak of, and apps on 3000, 4000 and
    4001. Other ports are taken than those."""

    def __init__(self, shared):
        self.shared, self.home = shared, shared.home()
        self.folder = self.home.folder / "ini"
        shutil.copytree(INI, self.folder)
        for path in self.folder.glob("*.ini"):
            for command in re.findall(r"^;   h3gw (certgen .*)$", path.read_text(), re.M):
                made = self.home.h3gw(*command.split(), cwd=self.folder)
                assert made.returncode == 0, made.stderr
        shutil.copy(self.home.caroot / CA_CERT, self.folder / "clients.pem")
        self.apps = {port: shared.raw(naming(f"app{port}")).port for port in (3000, 4000, 4001)}

    def serve(self, name, host="localhost"):
        port = free_port()
        for path in [self.folder / name, *self.folder.glob("apps.d/*.ini")]:
            text = path.read_text().replace("localhost:8443", f"127.0.0.1:{port}")
            for shown, real in self.apps.items():
                text = re.sub(rf"127\.0\.0\.1:{shown}\b", f"127.0.0.1:{real}", text)
            path.write_text(text)
        return self.shared.gateway("--config", self.folder / name, home=self.home, port=port,
                                   listen=[], host=host)


@pytest.fixture(scope="module")
def examples(shared):
    return Examples(shared)


@pytest.mark.parametrize("name", FILES)
def test_it_is_right(examples, name):
    result = examples.home.h3gw("check", examples.folder / name)
    assert (result.returncode, result.stdout, result.stderr) == (0, "fine\n", "")


def test_quickstart(examples):
    front = examples.serve("quickstart.ini")
    for version in VERSIONS:
        assert front.curl(version, "/x").text == "app3000 GET /x"


def test_hosts(examples):
    front = examples.serve("hosts.ini", host="shop.localhost")
    for version in VERSIONS:
        assert front.curl(version, "/").text == "app3000 GET /"
        assert front.curl(version, "/get", host="any.app.localhost").json()["url"].endswith("/get")
        other = front.curl(version, "/", "-H", f"Host: api.test:{front.port}")
        assert other.status == 421
    answers = [front.curl(version, "/", host="api.test") for version in ("h1", "h2", "h1")]
    assert {answer.text for answer in answers} == {"app4000 GET /", "app4001 GET /"}
    assert answers[0].get("alt-svc") is None
    assert front.curl("h3", "/", host="api.test", check=False).exit != 0


def test_mtls(examples):
    front = examples.serve("mtls.ini", host="app.localhost")
    mine = ["--cert", examples.folder / "me.crt", "--key", examples.folder / "me.key"]
    for version in VERSIONS:
        for host in ("admin.localhost", "app.localhost"):
            seen = front.curl(version, "/headers?show_env", *mine, host=host).json()["headers"]
            assert seen["X-Forwarded-Client-Cert"].startswith("Hash=")
        seen = front.curl(version, "/headers?show_env", host="app.localhost").json()["headers"]
        assert "X-Forwarded-Client-Cert" not in seen
        refused = front.curl(version, "/get", host="admin.localhost", check=False)
        assert refused.exit != 0 and refused.status == 0


def test_apps(examples):
    front = examples.serve("apps.ini")
    for version in VERSIONS:
        assert front.curl(version, "/").text == "app3000 GET /"
        assert front.curl(version, "/api/").text == "app4000 GET /api/"


def test_reference(examples):
    port = free_port()
    path = examples.folder / "reference.ini"
    path.write_text(path.read_text().replace(";listen =", f"listen = 127.0.0.1:{port}"))
    front = examples.shared.gateway("--config", path, home=examples.home, port=port, listen=[])
    for version in VERSIONS:
        assert front.curl(version, "/get").status == 200


def test_the_defaults_of_the_reference(home):
    """Said or not said, they are the same; and the rest of the file is what no file is."""
    text = (INI / "reference.ini").read_text()
    said = re.sub(r"^;([a-z][a-z0-9-]* = \S+)$", r"\1", text, flags=re.M)
    assert said.count("\n;") < text.count("\n;") - 40
    dumps = {}
    for name, content in (("said", said), ("unsaid", text)):
        (home.folder / f"{name}.ini").write_text(content)
        result = home.h3gw("check", "--dump", f"{name}.ini")
        assert result.returncode == 0, result.stderr
        dumps[name] = result.stdout
    assert dumps["said"] == dumps["unsaid"]
    without_file = home.h3gw("check", "--dump").stdout
    assert without_file.replace("hosts = *\n", ";hosts =\n") == dumps["unsaid"]
