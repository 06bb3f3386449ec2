"""Owns what machines read: health, metrics, the status document and its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, current_app, jsonify

from appliance.errors import Problem
from appliance.status import metrics

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box


class Api:
    """The views without a page."""

    def __init__(self, box: Box) -> None:
        """Tell about `box`."""
        self._box = box

    def healthz(self) -> ResponseReturnValue:
        """Whether the box can do its work: the journal opens and answers."""
        try:
            self._box.journal.ledger.item_counts()
        except Problem as problem:
            return Response(f"{problem.code}: {problem.sentence}\n", 503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")

    def metrics(self) -> ResponseReturnValue:
        """Numbers for Prometheus; no patient is named in them."""
        text = metrics.render(self._box.snapshot())
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

    def status(self) -> ResponseReturnValue:
        """The same document as `jembatan status --json`."""
        return jsonify(self._box.snapshot().document())

    def openapi(self) -> ResponseReturnValue:
        """What this interface offers."""
        return current_app.send_static_file("openapi.json")
