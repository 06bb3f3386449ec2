"""Owns the page Service: what support may see, spare boxes, backups, the card to print."""

from __future__ import annotations

import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response, flash, redirect, render_template, request, url_for

from appliance.box import backup_news
from appliance.box.sealed import made_up
from appliance.desk import emergency
from appliance.desk import spare as desk
from appliance.errors import NobodyAnswers, Problem

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box


class Service:
    """The views of service."""

    def __init__(self, box: Box) -> None:
        """Serve `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """How things stand, and what can be done."""
        return self._render()

    def act(self, verb: str) -> ResponseReturnValue:
        """Have the steward do it, or say why not."""
        try:
            self._begin(verb)
        except Problem as problem:
            return self._render(problem), HTTPStatus.UNPROCESSABLE_ENTITY
        if verb == "restart":  # who could be asked anything for another page is gone soon
            return render_template("restarting.html")
        if verb == "passphrase":  # of the others the page tells by itself
            flash(verb)
        return redirect(url_for("service"))

    def support(self) -> ResponseReturnValue:
        """What the bundle says, to be read before it is given away."""
        from appliance.desk.support import bundle  # noqa: PLC0415 - few pages ever need it

        return render_template("support.html", text=bundle.text(self._bundle()))

    def support_file(self) -> ResponseReturnValue:
        """The bundle as a file."""
        from appliance.desk.support import bundle  # noqa: PLC0415 - as above

        return Response(
            bundle.packed(self._bundle()),
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{bundle.NAME}"'},
        )

    def card(self) -> ResponseReturnValue:
        """The card to print."""
        return render_template(
            "emergency.html",
            card=emergency.card(self._box.settings, socket.gethostname()),
            today=self._box.clock.utc().astimezone(self._box.zone).date(),
        )

    def _bundle(self) -> dict[str, Any]:
        from appliance.desk.support import bundle  # noqa: PLC0415 - as above

        box = self._box
        told = bundle.machine_of(box.paths)
        return bundle.document(box.journal, box.settings, told, box.clock)

    def _begin(self, verb: str) -> None:
        form, paths = request.form, self._box.paths
        match verb:
            case "export":
                desk.ask_steward(paths, "spare-export", passphrase=form["passphrase"].strip())
            case "finish":
                desk.ask_steward(paths, "spare-finish")
            case "back":
                desk.ask_steward(paths, "spare-back", vouched="vouched" in form)
            case "import":
                desk.ask_steward(
                    paths, "spare-import",
                    purpose=form["purpose"], passphrase=form["passphrase"].strip(),
                    old_is_off=form.get("old_is_off") == "on", which=form.get("which", ""),
                )  # fmt: skip
            case "restart":
                desk.ask_steward(paths, "restart")
            case "passphrase":
                desk.ask_steward(paths, "backup-passphrase", passphrase=form["passphrase"].strip())
            case _:
                desk.ask_steward(paths, "backup-now")

    def _render(self, refused: Problem | None = None) -> str:
        now = self._now()
        errand = now["errand"] if now else {"state": "none"}
        return render_template(
            "service.html",
            now=now,
            errand=errand,
            refused=refused,
            made_up=made_up,
            is_empty=not self._box.journal.charge.arrivals(),
            sticks=now["sticks"] if now else {},
            drives=desk.drives(self._box.paths) if now else {},
            backup_news=backup_news.read(self._box.paths),
        )

    def _now(self) -> dict[str, Any] | None:
        """What the steward says; None on a workstation, which has none."""
        try:
            return desk.look(self._box.paths)
        except NobodyAnswers:
            if desk.is_there(self._box.paths):
                raise
            return None
