"""Owns who may see the page: the signed session, when it ends, and the gate before every view."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import current_app, jsonify, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface

from appliance.errors import NobodyAnswers
from appliance.settings import access
from appliance.web.throttle import Door

if TYPE_CHECKING:
    from pathlib import Path

    from flask import Flask
    from flask.typing import ResponseReturnValue
    from itsdangerous import URLSafeTimedSerializer

    from appliance.web.box import Box

_LIFETIME = timedelta(hours=12)
_FOR_ALL = {"static", "healthz", "metrics", "openapi"}
_FOR_STRANGERS = {"claim", "login"}


class Cookies(SecureCookieSessionInterface):
    """Sessions signed with the box's own key, which changes with the password."""

    def __init__(self, root: Path) -> None:
        """Take the key from the state at `root`."""
        self._root = root

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Read the key anew each time: a new password ends every session of the old one."""
        try:
            app.secret_key = access.session_key(self._root)
        except FileNotFoundError:  # keeper has not made it yet
            app.secret_key = None
        return super().get_signing_serializer(app)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Wherever the page came over https; plain http stays usable on a closed network."""
        return request.is_secure


class Auth:
    """Sessions of those who know the password."""

    def __init__(self, box: Box) -> None:
        """Guard `box`."""
        self._box = box
        self._root = box.paths.root
        self.door = Door(box.clock)
        self._run = secrets.token_hex(8)  # of this service: its own time has no jumps

    @property
    def claimed(self) -> bool:
        """Whether the box has a password yet."""
        return access.claimed(self._root)

    def password_is(self, password: str) -> bool:
        """Whether this is the password."""
        return access.password_is(self._root, password)

    def sign_in(self) -> None:
        """Begin a session; what was in the cookie before is dropped."""
        session.clear()
        session["since"] = self._box.clock.utc().timestamp()
        session["run"], session["at"] = self._run, self._box.clock.monotonic()

    def signed_in(self) -> bool:
        """Whether the session is good: begun with a password, not too old, not in the future.

        A box may be told the time while somebody sets it up: that ends no session.
        """
        clock = self._box.clock
        if session.get("run") == self._run:
            age_s = clock.monotonic() - session["at"]
        else:
            age_s = clock.utc().timestamp() - session.get("since", 0)
        return timedelta() <= timedelta(seconds=age_s) <= _LIFETIME

    def gate(self) -> ResponseReturnValue | None:
        """Stop every request, also for what is not there, of who is not signed in."""
        if request.endpoint in _FOR_ALL:
            return None
        if current_app.secret_key is None:
            raise NobodyAnswers(path="keeper", why="the box is starting")
        if request.endpoint in _FOR_STRANGERS or self.signed_in():
            return None
        if request.path.startswith("/api/"):
            return jsonify(error="Log in first."), 401
        return redirect(self._entrance())

    def _entrance(self) -> str:
        if not self.claimed:
            return url_for("claim")
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return url_for("login", next=wanted)
