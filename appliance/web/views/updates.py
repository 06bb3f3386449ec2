"""Owns the page of versions: what runs, what became of the last update, how another comes."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import jsonify, redirect, render_template, request, url_for

from appliance import __version__
from appliance.desk import update as desk
from appliance.errors import NobodyAnswers, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box


class Updates:
    """The views of the version of the box."""

    def __init__(self, box: Box) -> None:
        """Show and change the version of `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """What runs, and how another comes here."""
        return self._render()

    def live(self) -> ResponseReturnValue:
        """The part of it that changes by itself."""
        return render_template("updating.html", now=self._now())

    def document(self) -> ResponseReturnValue:
        """The same for machines."""
        return jsonify(desk.status(self._box.paths))

    def piece(self) -> ResponseReturnValue:
        """The next piece of a file, as the script of the page sends it: ?at=BYTES&total=BYTES."""
        at, total = (request.args.get(key, -1, int) for key in ("at", "total"))
        try:
            desk.put(self._box.paths, at, total, request.get_data(cache=False))
        except Problem as problem:
            return jsonify(error=problem.sentence, hint=problem.hint), HTTPStatus.CONFLICT
        return jsonify({})

    def install(self) -> ResponseReturnValue:
        """Install what was sent."""
        return self._begun(lambda: desk.install(self._box.paths, request.form.get("name", "")))

    def fetch(self) -> ResponseReturnValue:
        """Fetch from an address, and install."""
        address = request.form.get("address", "").strip()
        return self._begun(lambda: desk.fetch(self._box.paths, address))

    @staticmethod
    def widen() -> None:
        """A piece of a file may be larger than a form; before anything looks at the request."""
        if request.endpoint == "update_piece":
            request.max_content_length = desk.PIECE_BYTES

    def _begun(self, begin: Callable[[], None]) -> ResponseReturnValue:
        try:
            begin()
        except Problem as problem:
            return self._render(problem), HTTPStatus.UNPROCESSABLE_ENTITY
        return redirect(url_for("updates"))

    def _render(self, refused: Problem | None = None) -> str:
        return render_template("updates.html", now=self._now(), refused=refused)

    def _now(self) -> dict[str, Any]:
        """What the steward says; where there is none, what is known without it."""
        try:
            return desk.status(self._box.paths)
        except NobodyAnswers:
            return {"version": __version__, "slot": "", "other": None, "doing": None, "last": None}
