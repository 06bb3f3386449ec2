"""Fetching an update from a real web server over TLS; what is wrong there is said."""

from __future__ import annotations

import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from appliance.box.fetch import fetch
from appliance.box.incoming import Incoming
from appliance.errors import BundleCutOff, CannotFetch
from tests.builders.certificates import Paper, paper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = b"an update" * 1000


class Answers(BaseHTTPRequestHandler):
    """A web server with one file, told in several ways."""

    def do_GET(self) -> None:
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:1/u.raucb")
        elif self.path == "/missing":
            self.send_response(404)
        else:
            self.send_response(200)
            if self.path != "/endless":
                more = 5 if self.path == "/cut" else 0
                self.send_header("Content-Length", str(len(CONTENT) + more))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server_paper(tmp_path: Path) -> Paper:
    return paper(tmp_path, "server")


@pytest.fixture
def home(server_paper: Paper) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_paper.cert, server_paper.key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def incoming(tmp_path: Path, server_paper: Paper, monkeypatch: pytest.MonkeyPatch) -> Incoming:
    """On a box that trusts the server."""
    monkeypatch.setenv("SSL_CERT_FILE", server_paper.cert)
    return Incoming(tmp_path / "incoming")


def test_what_is_there_is_brought(home: str, incoming: Incoming) -> None:
    told: list[int] = []
    fetch(f"{home}/u.raucb", incoming, lambda: told.append(1))
    with incoming.sealed() as file:
        assert file.read_bytes() == CONTENT
    assert told


def test_what_ends_early_is_cut_off(home: str, incoming: Incoming) -> None:
    with pytest.raises((BundleCutOff, CannotFetch)):
        fetch(f"{home}/cut", incoming, lambda: None)


@pytest.mark.parametrize(
    ("path", "why"),
    [("missing", "404"), ("elsewhere", "begins with https"), ("endless", "how long it is")],
)
def test_what_is_not_told_properly_is_refused(
    home: str, incoming: Incoming, path: str, why: str
) -> None:
    with pytest.raises(CannotFetch, match=why):
        fetch(f"{home}/{path}", incoming, lambda: None)


def test_a_stranger_is_not_trusted(
    home: str, incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(CannotFetch, match="certificate verify failed"):
        fetch(f"{home}/u.raucb", incoming, lambda: None)


def test_nobody_there_is_said(incoming: Incoming) -> None:
    with pytest.raises(CannotFetch, match="refused"):
        fetch("https://127.0.0.1:1/u.raucb", incoming, lambda: None)
