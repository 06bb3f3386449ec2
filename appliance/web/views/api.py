"""Owns what machines read: health, metrics, the status document and its description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, current_app, jsonify

from appliance.status.checks import health

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box


class Api:
    """The views without a page."""

    def __init__(self, box: Box) -> None:
        """Tell about `box`."""
        self._box = box

    def healthz(self) -> ResponseReturnValue:
        """200 where the box can do its work; else 503, and why not."""
        found = health(lambda: self._box.journal)
        lines = "".join(f"{reason}\n" for reason in found.reasons or ("ok",))
        return Response(lines, 200 if found.ok else 503, mimetype="text/plain")

    def metrics(self) -> ResponseReturnValue:
        """Numbers for Prometheus; no patient is named in them."""
        from appliance.status import metrics  # noqa: PLC0415 - a page nobody scrapes stays small

        text = metrics.render(self._box.snapshot())
        return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")

    def status(self) -> ResponseReturnValue:
        """The same document as `jembatan status --json`."""
        return jsonify(self._box.snapshot().document())

    def openapi(self) -> ResponseReturnValue:
        """What this interface offers."""
        return current_app.send_static_file("openapi.json")
