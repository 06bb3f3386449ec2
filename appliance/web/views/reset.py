"""Owns the page that sets the box back to how it came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template, request

from appliance.desk import reset as desk
from appliance.errors import NotUnderstood, Problem, Refused

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box

WORDS = "erase this box"


class Reset:
    """The view of the last resort."""

    def __init__(self, box: Box) -> None:
        """Of `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """What would go, and what stands against it; POST asks for it."""
        if request.method == "GET":
            return self._form()
        try:
            _must_be_meant(request.form["words"])
            desk.ask(self._box.paths)
        except Problem as problem:
            return self._form(problem), 422
        return render_template("reset.html", is_asked=True)

    def _form(self, problem: Problem | None = None) -> str:
        try:
            found = desk.against(self._box.journal)
        except NotUnderstood as unknown:
            return render_template("reset.html", problem=unknown, unsent=None, words=WORDS)
        return render_template("reset.html", problem=problem, unsent=found, words=WORDS)


def _must_be_meant(typed: str) -> None:
    if " ".join(typed.lower().split()) != WORDS:
        raise Refused(what="The reset", why=f"the words to be typed are: {WORDS}")
