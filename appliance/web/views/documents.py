"""Owns the documents that are printed: the conformance statement and the setup sheet of a PACS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, render_template, request

from appliance.board.network import interfaces
from appliance.errors import NotThere

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.desk.setup_sheet import Machine, Sheet
    from appliance.settings.schema import Destination
    from appliance.web.box import Box


class Documents:
    """What others need to know of this box.

    The tables come from all over the network side, which a page that nobody asks them of need
    not have in memory.
    """

    def __init__(self, box: Box) -> None:
        """Tell of `box`."""
        self._box = box

    def conformance(self) -> ResponseReturnValue:
        """The DICOM conformance statement."""
        from appliance.desk.conformance import statement  # noqa: PLC0415 - see the class

        return render_template(
            "conformance.html", title=statement.TITLE, sections=statement.statement()
        )

    def conformance_text(self) -> ResponseReturnValue:
        """The same as a file."""
        from appliance.desk.conformance import statement  # noqa: PLC0415 - see the class

        return Response(
            statement.text(),
            content_type="text/markdown; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="jembatan-conformance.md"'},
        )

    def setup_sheet(self) -> ResponseReturnValue:
        """The sheet for the administrator of one PACS."""
        settings = self._box.settings
        wanted = request.args.get("destination")
        if not settings.destinations and not wanted:
            return render_template("setup_sheet.html", sheet=None, destinations=())
        first = settings.destinations[0].name if settings.destinations else ""
        destination = settings.destination(wanted or first)
        if destination is None:
            raise NotThere(what=f'destination "{wanted}"')
        return render_template(
            "setup_sheet.html",
            sheet=self._sheet(destination),
            destinations=settings.destinations,
            today=self._box.clock.utc().astimezone(self._box.zone).date(),
        )

    def _sheet(self, destination: Destination) -> Sheet:
        from appliance.desk.doctor.subject import Known, Subject  # noqa: PLC0415 - see the class
        from appliance.desk.setup_sheet import sheet  # noqa: PLC0415 - see the class

        settings = self._box.settings
        known = Known(tuple(self._box.journal.ledger.kinds_sent(destination.name)))
        kinds = Subject(destination, settings, known).kinds
        return sheet(settings, destination, kinds, self._machine())

    def _machine(self) -> Machine:
        from appliance.desk.setup_sheet import Machine  # noqa: PLC0415 - see the class

        found = [each for each in interfaces() if each.address]
        place = self._box.place(int(request.environ["SERVER_PORT"]))
        return Machine(tuple(_place(*each) for each in found), place)


def _place(name: str, address: str) -> str:
    return f"{address} ({name})"
