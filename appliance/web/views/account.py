"""Owns the ways in and out: claim, recovery key, login and logout, changing the password."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, session, url_for

from appliance.desk import settings as desk
from appliance.errors import Problem, WrongPassword

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from appliance.web.auth import Auth
    from appliance.web.box import Box

_log = logging.getLogger(__name__)


class Account:
    """The views of who somebody is."""

    def __init__(self, box: Box, auth: Auth) -> None:
        """Let people in to `box`."""
        self._box = box
        self._auth = auth

    def claim(self) -> ResponseReturnValue:
        """The first visit: the code from the label, and a password of one's own."""
        if self._auth.claimed:
            return redirect(url_for("login"))
        if request.method == "GET":
            return render_template("claim.html")
        return self._two_passwords("claim.html", self._claim)

    def login(self) -> ResponseReturnValue:
        """Ask for the password."""
        if not self._auth.claimed:
            return redirect(url_for("claim"))
        if request.method == "GET":
            return render_template("login.html")
        return self._knock("login.html", self._login)

    def logout(self) -> ResponseReturnValue:
        """Forget the session."""
        session.clear()
        return redirect(url_for("login"))

    def password(self) -> ResponseReturnValue:
        """Change the password; every other session ends."""
        if request.method == "GET":
            return render_template("password.html")
        return self._two_passwords("password.html", self._change_password)

    def recovery_key(self) -> ResponseReturnValue:
        """What opens the card elsewhere, until somebody says that it is written down."""
        key = desk.recovery_key(self._box.paths)
        if request.method == "GET" or not request.form.get("taken"):
            return render_template("recovery_key.html", key=key, host=request.host)
        desk.recovery_key_taken(self._box.paths)
        flash("recovery key taken")
        return redirect(url_for("status"))

    def _claim(self) -> ResponseReturnValue:
        desk.claim(self._box.paths, request.form["code"].strip(), request.form["password"])
        self._auth.sign_in()
        is_waiting = desk.recovery_key(self._box.paths)
        return redirect(url_for("recovery_key" if is_waiting else "status"))

    def _login(self) -> ResponseReturnValue:
        if not self._auth.password_is(request.form["password"]):
            raise WrongPassword
        self._auth.sign_in()
        return redirect(_local(request.args.get("next", "")))

    def _change_password(self) -> ResponseReturnValue:
        desk.change_password(self._box.paths, request.form["old"], request.form["password"])
        self._auth.sign_in()
        flash("password changed")
        return redirect(url_for("settings"))

    def _two_passwords(
        self, template: str, act: Callable[[], ResponseReturnValue]
    ) -> ResponseReturnValue:
        if request.form["password"] != request.form["again"]:
            return render_template(template, differ=True), 422
        return self._knock(template, act)

    def _knock(self, template: str, act: Callable[[], ResponseReturnValue]) -> ResponseReturnValue:
        """Act, unless this address (or everybody) has guessed too often."""
        address = request.remote_addr or ""
        wait_s = self._auth.door.knock(address)
        if wait_s:
            headers = {"Retry-After": str(round(wait_s + 0.5))}
            return render_template(template, wait_s=wait_s), 429, headers
        try:
            answer = act()
        except Problem as problem:
            _log.warning("%s is not let in: %s", address, problem.code)
            return render_template(template, problem=problem), 422
        self._auth.door.welcome(address)
        return answer


def _local(target: str) -> str:
    r"""Where to go after the login: never to another site (`//host`, `/\host`)."""
    if target.startswith("/") and not target.startswith(("//", "/\\")):
        return target
    return url_for("status")
