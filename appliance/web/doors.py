"""Owns the page's doors: waitress behind all of them, one loop and one set of threads.

On a workstation the door is plain http. On the box it is https, and port 80 leads there: it
answers nothing of its own but how the box is, to programs that watch it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from appliance.web.secured import RECORD_BYTES, Certified, SecuredServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_THREADS = 8  # six of which may wait for previews
_IDLE_S = 30
_HTTPS = 443
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
_FOR_WATCHERS = "/healthz"
_ONLY_HTTPS = b"This page is served by https only: write https:// before the box's name.\n"


class Doors:
    """Listening sockets, and the page behind them."""

    def __init__(self, page: WSGIApplication) -> None:
        """Nobody can come in yet."""
        self._page = page
        self._map: dict[int, Any] = {}
        self._threads = ThreadedTaskDispatcher()
        self._threads.set_thread_count(_THREADS)
        self._servers: list[TcpWSGIServer] = []
        self._closing = False

    def open(self, listening: socket.socket) -> None:
        """The page by plain http."""
        self._wait_at(listening, self._page)

    def open_secured(self, listening: socket.socket, certified: Certified) -> None:
        """The page by https."""
        server = SecuredServer(
            certified,
            self._page,
            self._map,
            _sock=listening,
            dispatcher=self._threads,
            adj=_adjusted(listening, "https"),
            sockinfo=_sockinfo(listening),
            bind_socket=False,
        )
        self._servers.append(server)

    def open_leading(self, listening: socket.socket, port: int = _HTTPS) -> None:
        """Plain http that leads to the door by https at `port`."""
        self._wait_at(listening, _Lead(self._page, port))

    def run(self) -> None:
        """Let people in until `close`; what is being answered then is answered."""
        while not self._closing:
            wasyncore.loop(timeout=_IDLE_S, map=self._map, count=1)
        self._threads.shutdown()
        wasyncore.close_all(self._map)

    def close(self) -> None:
        """Have `run`, in its own thread, come to its end."""
        self._closing = True
        if self._servers:
            self._servers[0].pull_trigger()

    def _wait_at(self, listening: socket.socket, page: WSGIApplication) -> None:
        server = TcpWSGIServer(
            page,
            self._map,
            _sock=listening,
            dispatcher=self._threads,
            adj=_adjusted(listening),
            sockinfo=_sockinfo(listening),
            bind_socket=False,
        )
        self._servers.append(server)


class _Lead:
    """What stands where people type a name without https."""

    def __init__(self, page: WSGIApplication, port: int) -> None:
        self._page = page
        self._port = "" if port == _HTTPS else f":{port}"

    def __call__(self, environ: WSGIEnvironment, answer: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == _FOR_WATCHERS:
            return self._page(environ, answer)
        host = _HOST.fullmatch(environ.get("HTTP_HOST", ""))
        # What else is sent here was sent in the clear: to lead it on would hide that.
        if host is None or environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            answer("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [_ONLY_HTTPS]
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/:@!$&'()*+,;=~")
        query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
        there = f"https://{host[1]}{self._port}{path}{query}"
        # Not for good: the browser is to ask again should the box be another one some day.
        answer("302 Found", [("Location", there), ("Cache-Control", "no-store")])
        return []


def _adjusted(listening: socket.socket, scheme: str = "http") -> Adjustments:
    return Adjustments(sockets=[listening], ident="", recv_bytes=RECORD_BYTES, url_scheme=scheme)


def _sockinfo(listening: socket.socket) -> tuple[int, int, int, Any]:
    return (listening.family, listening.type, listening.proto, listening.getsockname())
