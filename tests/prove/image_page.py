"""Owns a person at the page of an appliance: over the network, with a browser's cookies, its forms
fetched, filled in and sent as they are.
"""

from __future__ import annotations

import json
import re
import ssl
from contextlib import suppress
from html import unescape
from http.client import HTTPException
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin
from urllib.request import (
    HTTPCookieProcessor,
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PASSWORD = "correct horse battery"

_ANSWER_S = 120
GONE = (URLError, OSError, HTTPException, TimeoutError)
"""What asking somebody ends in who is not there."""
_PIECE = 1 << 20
_UPLOAD = re.compile(r'data-upload="([^"]+)"')
_ACTION = re.compile(r'action="([^"]+)" data-upload')
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Answer(NamedTuple):
    """What the page said, and where one was led to."""

    status: int
    url: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """The page as it came."""
        return self.body.decode(errors="replace")

    @property
    def words(self) -> str:
        """What a person reads."""
        body = re.sub(r"(?s)<(head|nav|script|style)\b.*?</\1>", " ", self.text)
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Page:
    """One browser; the certificate the box made for itself is taken as it is, and remembered."""

    def __init__(self, port: int, scheme: str = "https") -> None:
        self.home = f"{scheme}://127.0.0.1:{port}"
        self._port = port
        self._trust = ssl.create_default_context()
        self._trust.check_hostname = False
        self._trust.verify_mode = ssl.CERT_NONE
        self._open = build_opener(
            ProxyHandler({}), HTTPSHandler(context=self._trust), HTTPCookieProcessor(CookieJar())
        )
        self._open_here = build_opener(
            ProxyHandler({}), HTTPSHandler(context=self._trust), _Stay()
        )

    def certificate(self) -> str:
        """What it shows (PEM)."""
        return ssl.get_server_certificate(("127.0.0.1", self._port), timeout=_ANSWER_S)

    # Reading

    def get(self, path: str, *, follow: bool = True, seconds: float = _ANSWER_S) -> Answer:
        """One page."""
        request = Request(urljoin(self.home, path))
        return self._asked(request, follow=follow, seconds=seconds)

    def answers(self, path: str = "/healthz", seconds: float = 5) -> int:
        """The status it answers with; 0 where nobody does."""
        with suppress(*GONE):
            return self.get(path, follow=False, seconds=seconds).status
        return 0

    def opens(self, seconds: float = 5) -> bool:
        """Whether a browser sees a page of it: the log-in, or the claim of a box that is new."""
        with suppress(*GONE):
            return self.get("/", seconds=seconds).status == 200
        return False

    def document(self, path: str) -> dict[str, Any]:
        """What a program reads there (JSON)."""
        answer = self.get(path)
        if answer.status != 200:
            message = f"{path} answers {answer.status}: {answer.text[:300]}"
            raise NotProved(message)
        document: dict[str, Any] = json.loads(answer.body)
        return document

    def status(self) -> dict[str, Any]:
        """The document of `jembatan status --json`."""
        return self.document("/api/v1/status")

    def wait(self, seconds: float, path: str = "/healthz") -> None:
        """Until it says that the box is well."""
        try:
            wait_for("the page", lambda: self.answers(path) == 200, seconds, 0.5)
        except NotProved as reason:
            message = f"{reason}; it says {self._last_words(path)}"
            raise NotProved(message) from reason

    def _last_words(self, path: str) -> str:
        try:
            answer = self.get(path, follow=False, seconds=10)
        except GONE as error:
            return f"nothing ({error})"
        return f"{answer.status} {answer.words[:500]}"

    # Forms

    def post(self, path: str, form: str = "", /, **fields: str | Sequence[str]) -> Answer:
        """Send the form found at `form` (or where it is sent to) with these fields."""
        content = urlencode({**fields, "csrf_token": self._token(form or path)}, doseq=True)
        return self._sent(path, content.encode(), "application/x-www-form-urlencoded")

    def send_file(self, form: str, name: str, content: bytes) -> Answer:
        """Choose a file in a form that sends it piece by piece, as that page's script does."""
        shown = self.get(form).text
        place, action, token = (found.search(shown) for found in (_UPLOAD, _ACTION, _TOKEN))
        if not (place and action and token):
            message = f"{form} has no form that sends a file: {shown[:500]}"
            raise NotProved(message)
        for at in range(0, len(content), _PIECE):
            path = f"{unescape(place[1])}?at={at}&total={len(content)}"
            self._send_piece(path, content[at : at + _PIECE], token[1])
        return self.must(unescape(action[1]), form, name=name)

    def _send_piece(self, path: str, piece: bytes, token: str) -> None:
        headers = {"X-CSRFToken": token, "Referer": urljoin(self.home, path)}
        headers["Content-Type"] = "application/octet-stream"
        answer = self._asked(Request(urljoin(self.home, path), piece, headers))
        if answer.status != 200:
            message = f"{path} answers {answer.status}: {answer.words[:300]}"
            raise NotProved(message)

    def _sent(self, path: str, content: bytes, kind: str) -> Answer:
        headers = {"Content-Type": kind, "Referer": urljoin(self.home, path)}
        return self._asked(Request(urljoin(self.home, path), content, headers))

    def _token(self, path: str) -> str:
        found = _TOKEN.search(self.get(path).text)
        return found[1] if found else ""

    def _asked(
        self, request: Request, *, follow: bool = True, seconds: float = _ANSWER_S
    ) -> Answer:
        opener = self._open if follow else self._open_here
        try:
            with opener.open(request, timeout=seconds) as said:
                return Answer(said.status, said.url, said.read(), dict(said.headers))
        except HTTPError as error:
            with error:
                return Answer(error.code, error.url, error.read(), dict(error.headers))

    # What a person does there

    def claim(self, code: str) -> Answer:
        """The first visit."""
        return self.must("/claim", code=code, password=PASSWORD, again=PASSWORD)

    def log_in(self) -> Answer:
        """Every later visit."""
        return self.must("/login", password=PASSWORD)

    def save(self, path: str, **fields: str | Sequence[str]) -> Answer:
        """Fill in a form of the settings and press Save."""
        return self.must(path, action="save", **fields)

    def must(self, path: str, form: str = "", /, **fields: str | Sequence[str]) -> Answer:
        """Send a form, which must be taken."""
        answer = self.post(path, form, **fields)
        if answer.status != 200:
            message = f"{path} answers {answer.status} to {sorted(fields)}: {answer.words[:600]}"
            raise NotProved(message)
        return answer
