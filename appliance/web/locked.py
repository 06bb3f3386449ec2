"""Owns the one plain page of a box whose data is locked: why, and a place for the recovery key.

It uses Python's own server and nothing of the ordinary page, which needs the data. The key is
taken over https only; its certificate is made for this occasion.
"""

from __future__ import annotations

import logging
import re
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs

from appliance.errors import Problem

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_LONGEST_FORM = 4096
_PATIENCE_S = 20.0
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>This box takes no images now</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; font: 1.05rem/1.5 system-ui, sans-serif; }}
body {{ max-width: 38rem; margin: 2rem auto; padding: 0 1rem; }}
.why {{ border-left: .3rem solid #c33; padding-left: 1rem; }}
input {{ font: 1.1rem ui-monospace, monospace; width: 100%; padding: .5rem; }}
* {{ box-sizing: border-box; }}
button {{ font: inherit; padding: .5rem 1.2rem; margin-top: .8rem; }}
</style></head><body>
<h1>This box takes no images now</h1>
{content}
</body></html>
"""
_WHY = """<div class="why">{said}</div>
{form}
<h2>What this means</h2>
<p>Images that the modality exports now stay at the modality. Until this is solved, bring images to
the PACS by hand.</p>
{closed}
"""
_CLOSED = """<p>The box changes nothing on its card.</p>
<p>To use this card anew, with everything on it gone: put it into a computer, make a text file
<code>jembatan-erase.txt</code> with the words <code>erase everything</code> beside
<code>jembatan.txt</code>, and put the card back.</p>"""
_FORM = """<h2>Open it with the recovery key</h2>
<form method="post" action="/" autocomplete="off">
<label for="key">The recovery key of this card, shown when its box was claimed: five groups of six
letters and digits.</label>
<p><input id="key" name="key" required autocomplete="off" autocapitalize="characters"
spellcheck="false"></p>
<button>Open the card for this board</button></form>
"""
_DONE = """<p>The key fits. The box starts again, and works as before in a few minutes; its address
may be another one. The recovery key stays the same.</p>
"""


class Said(NamedTuple):
    """One thing that is wrong, and what to do about it."""

    sentence: str
    hint: str


class LockedPage:
    """What is shown, and what becomes of a key; the same for http and https."""

    def __init__(
        self,
        said: tuple[Said, ...],
        unlock: Callable[[str], None],
        *,
        can_open: bool,
        can_erase: bool,
    ) -> None:
        """Say what is wrong; `unlock` raises a Problem where a key does not fit.

        `can_open`: whether a key could help at all. `can_erase`: whether a wish to erase the card
        would be obeyed; else nobody is told how to put it down.
        """
        self._said = said
        self._unlock = unlock
        self._can_open = can_open
        self._closed = _CLOSED if can_erase else ""

    def show(self, problem: Problem | None = None) -> str:
        """The page, with what was wrong with the key before."""
        said = "".join(map(_paragraphs, self._said))
        form = _FORM if self._can_open else ""
        if problem:
            refusal = _paragraphs(Said(problem.sentence, problem.hint))
            form = f'<div class="why">{refusal}</div>{form}'
        content = _WHY.format(said=said, form=form, closed=self._closed)
        return _FRAME.format(content=content)

    def take(self, key: str) -> tuple[HTTPStatus, str]:
        """Try a key."""
        try:
            self._unlock(key)
        except Problem as problem:
            return HTTPStatus.UNPROCESSABLE_ENTITY, self.show(problem)
        return HTTPStatus.OK, _FRAME.format(content=_DONE)


def _paragraphs(said: Said) -> str:
    hint = f"<p>{escape(said.hint)}</p>" if said.hint else ""
    return f"<p><strong>{escape(said.sentence)}</strong></p>{hint}"


class LockedServer(ThreadingHTTPServer):
    """One of the two ports; without `context` it leads to https."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], page: LockedPage, context: ssl.SSLContext | None = None
    ) -> None:
        """Listen; each caller is answered in a thread, and for a short time only."""
        super().__init__(address, _Handler)
        self.page = page
        self.context = context

    def get_request(self) -> tuple[socket.socket, object]:
        """The next caller. Hands are shaken in the caller's own thread, with its first read."""
        line, address = super().get_request()
        if self.context:
            line = self.context.wrap_socket(line, server_side=True, do_handshake_on_connect=False)
        return line, address

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hung up, or speaks no TLS, is none of our trouble."""
        _log.debug("a caller was not answered", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: LockedServer
    server_version = "Jembatan"
    sys_version = ""
    timeout = _PATIENCE_S

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "locked\n")
        if not self.server.context:
            return self._lead_to_https()
        return self._answer(HTTPStatus.SERVICE_UNAVAILABLE, self.server.page.show())

    def do_POST(self) -> None:
        if not self.server.context:
            return self._lead_to_https()
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal() or int(length) > _LONGEST_FORM:
            return self._answer(HTTPStatus.BAD_REQUEST, self.server.page.show())
        form = parse_qs(self.rfile.read(int(length)).decode(errors="replace"))
        return self._answer(*self.server.page.take(form.get("key", [""])[0]))

    def _lead_to_https(self) -> None:
        name = re.sub(r":\d+$", "", self.headers.get("Host") or "")
        self.send_response(HTTPStatus.TEMPORARY_REDIRECT)
        self.send_header("Location", f"https://{name}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, status: HTTPStatus, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        _log.debug("%s", format % args)
