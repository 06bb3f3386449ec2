"""Owns what a person may do about one image: see all that happened, try again, discard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from appliance.desk import queue

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.web.box import Box

_WHO = "page"


class Items:
    """The views of images that need a person, and of a single one."""

    def __init__(self, box: Box) -> None:
        """Show the images of `box`."""
        self._box = box

    def attention(self) -> ResponseReturnValue:
        """Everything that waits for somebody."""
        return render_template("attention.html", rows=self._box.journal.ledger.attention())

    def page(self, item_id: int) -> ResponseReturnValue:
        """All that is known about one image."""
        return render_template("item.html", shown=queue.show(self._box.journal, item_id))

    def retry(self, item_id: int) -> ResponseReturnValue:
        """Let it go its way once more, from where it stopped."""
        queue.retry(self._box.journal, item_id, who=_WHO)
        flash("retried")
        return redirect(url_for("item", item_id=item_id))

    def discard(self, item_id: int) -> ResponseReturnValue:
        """Ask for the reason, and whether it is meant; then set the image aside for good."""
        reason = request.form.get("reason", "").strip()
        if request.method == "GET" or not reason:
            return render_template("discard.html", shown=queue.show(self._box.journal, item_id))
        queue.discard(self._box.journal, item_id, reason=reason, who=_WHO)
        flash("discarded")
        return redirect(url_for("item", item_id=item_id))
