# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures. The pieces they hand out are in procs.py (processes), clients.py and
upstreams.py; see tests/README.md."""

import signal
import sys

import pytest

sys.dont_write_bytecode = True

from clients import VERSIONS, Client  # noqa: E402
from procs import H3GW, Home, Server, free_port  # noqa: E402
from spellings import CA_CERT  # noqa: E402
from upstreams import App, RawUpstream  # noqa: E402

TEST_LIMIT_S = 240


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    """No test runs for ever, whatever hangs."""
    def too_long(_signal, _frame):
        raise AssertionError(f"{item.nodeid} took more than {TEST_LIMIT_S} s")
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pytest_collection_modifyitems(items):
    if items and not H3GW.exists():
        pytest.exit(f"no {H3GW}: run ./build.sh first, or name a binary with H3GW=", returncode=2)


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


class Gateway:
    """A running gateway, and curl for it."""

    def __init__(self, home, folder, arguments, *, port, listen, env, host, address, ready):
        self.home, self.port, self.host = home, port, host
        listens = [f"--listen={address_text(address)}:{port}"] if listen is None else listen
        self.server = Server(home, folder, [*listens, *arguments], port, env)
        self.curl = Client(folder, self.server, home.caroot / CA_CERT, host, address)
        if ready:
            self.server.wait_ready(address)

    def url(self, path="/"):
        return self.curl.url(path)

    @property
    def authority(self):
        return f"{self.host}:{self.port}"


def address_text(address):
    return f"[{address}]" if ":" in address else address


class Factory:
    """Makes gateways, apps and upstreams, and ends them in the reverse order."""

    def __init__(self, folder):
        self.folder, self.things, self.count = folder, [], 0

    def subfolder(self, name):
        self.count += 1
        folder = self.folder / f"{name}{self.count}"
        folder.mkdir()
        return folder

    def home(self):
        return Home(self.subfolder("home"))

    def gateway(self, *arguments, home=None, port=None, listen=None, env=None, host="localhost",
                address="127.0.0.1", ready=True):
        """Starts `h3gw serve`. `listen`: the --listen arguments in place of ADDRESS:PORT.
        `ready=False`: does not wait until it answers."""
        folder = self.subfolder("gateway")
        gateway = Gateway(home or Home(folder), folder, arguments, port=port or free_port(),
                          listen=listen, env=env, host=host, address=address, ready=False)
        self.things.append(gateway.server)
        if ready:
            gateway.server.wait_ready(address)
        return gateway

    def app(self, **options):
        app = App(self.subfolder("app"), **options)
        self.things.append(app)
        return app

    def raw(self, script, context=None):
        upstream = RawUpstream(script, context)
        self.things.append(upstream)
        return upstream

    def close(self):
        errors = []
        for thing in reversed(self.things):
            try:
                thing.close()
            except AssertionError as error:
                errors.append(str(error))
        assert not errors, "\n".join(errors)


@pytest.fixture
def factory(tmp_path):
    made = Factory(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, request):
    """The same for things that all tests of a file share."""
    made = Factory(tmp_path_factory.mktemp(request.module.__name__))
    yield made
    made.close()


@pytest.fixture(scope="module")
def backend(shared):
    """app.mjs, for the whole file."""
    return shared.app()


@pytest.fixture(scope="module")
def front(shared, backend):
    """A gateway before it; a file that needs another one has a fixture of its own."""
    return shared.gateway("--upstream", backend.url)


@pytest.fixture
def gateway(factory):
    return factory.gateway


@pytest.fixture
def app(factory):
    return factory.app


@pytest.fixture
def raw(factory):
    return factory.raw


@pytest.fixture
def home(factory):
    return factory.home()
