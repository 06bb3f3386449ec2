"""Owns visiting the page without a browser: forms are fetched, filled in and sent as they are."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

from appliance.settings import access
from appliance.web.app import create_app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BytesIO

    from werkzeug.routing import Rule
    from werkzeug.test import TestResponse

    from tests.builders.box import Box

PASSWORD = "correct horse battery"


class Visitor:
    """One browser, with its cookies."""

    def __init__(self, box: Box, address: str = "192.0.2.1") -> None:
        self.box = box
        self._app = create_app(box.paths, box.clock)
        self._client = self._app.test_client()
        self._from = {"REMOTE_ADDR": address}
        self._there: str | None = None

    def another(self, address: str = "192.0.2.1", there: str = "") -> Visitor:
        """Another browser at the same running page, which it reaches at `there`."""
        other = object.__new__(Visitor)
        other.box, other._app = self.box, self._app
        other._client = self._app.test_client()
        other._from = {"REMOTE_ADDR": address}
        other._there = f"http://{there}" if there else None
        return other

    def rules(self) -> list[Rule]:
        """Every address the page answers to."""
        return list(self._app.url_map.iter_rules())

    def get(
        self,
        path: str,
        base_url: str | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        return self._client.get(
            path,
            base_url=base_url or self._there,
            query_string=query,
            headers=headers,
            environ_base=self._from,
            buffered=True,
        )

    def post(self, path: str, form: str = "", /, **fields: str | list[str]) -> TestResponse:
        """Send the form found at `form` (or where it is sent to) with these fields."""
        hidden = _hidden(self.get(form or path).text, path)
        given = {**fields, **hidden}
        return self._client.post(path, data=given, environ_base=self._from, base_url=self._there)

    def upload(self, path: str, **files: BytesIO) -> TestResponse:
        """Send the form found at `path` with these files."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        given = {name: (file, f"{name}.pem") for name, file in files.items()}
        sent = {**given, "csrf_token": token[1] if token else ""}
        return self._client.post(path, data=sent, environ_base=self._from)

    def post_bare(self, path: str, **fields: str) -> TestResponse:
        """Send a form that this page never gave out."""
        return self._client.post(path, data=fields, environ_base=self._from)

    def put(self, path: str, form: str, content: bytes) -> TestResponse:
        """Send bytes as the script of the page at `form` does."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(form).text)
        return self._client.post(
            path,
            data=content,
            content_type="application/octet-stream",
            headers={"X-CSRFToken": token[1] if token else ""},
            environ_base=self._from,
        )

    def claim(self) -> TestResponse:
        code = access.claim_code(self.box.paths.root)
        return self.post("/claim", code=code, password=PASSWORD, again=PASSWORD)

    def is_let_in(self) -> None:
        """Get the session that a login begins, without the wait for a password's check."""
        with self._client.session_transaction(base_url=self._there) as session:
            session["since"] = self.box.clock.utc().timestamp()

    def log_in(self, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", password=password)

    def is_in(self) -> bool:
        return self.get("/settings").status_code == 200


def _hidden(page: str, path: str) -> dict[str, str]:
    """What the form of a page that is sent to `path` says by itself."""
    form = page.partition(f'action="{path}"')[2].partition("</form>")[0]
    return dict(re.findall(r'name="(csrf_token|image)" value="([^"]+)"', form or page))


def text_of(answer: TestResponse) -> str:
    """What a person reads: no tags, white space as one space."""
    body = re.sub(r"(?s)<(head|nav|script|style)\b.*?</\1>", " ", answer.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
