"""The form of a worklist in a real browser, at both widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.call import Server
from appliance.errors import WorklistUnsupported
from appliance.settings.current import Current

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.builders.box import Box
    from tests.web.browser import Person

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]


def tells(request: Mapping[str, object]) -> Mapping[str, object]:
    """A deliver service whose worklist is at port 105."""
    if request["port"] != 105:
        raise WorklistUnsupported(peer="RIS at 10.0.0.2:104", why="it does not offer worklists")
    return {"orders": 12, "undated": 0, "unreadable": 0 if request["charset"] else 4}


def test_a_worklist_is_entered_tried_put_right_and_saved(person: Person, box: Box) -> None:
    deliver = Server(box.paths.run / "deliver.sock", {"worklist": tells})
    deliver.start()
    person.visit("/settings")
    person.press("Add a worklist")
    person.fill("Name", "ris")
    person.fill("Host", "10.0.0.2")
    person.fill("Port", "104")
    person.fill("AE title of the worklist", "RIS")
    person.press("Test the worklist")
    person.sees("it does not offer worklists")
    person.sees("often has another port or AE title than the PACS")
    person.fill("Port", "105")
    person.press("Test the worklist")
    person.sees("It told of 12 orders for yesterday, today and tomorrow.")
    person.sees("4 names or other texts could not be read")
    person.fill("Text encoding", "utf_8")
    person.photograph("worklist")
    person.press("Save")
    person.sees("Saved. It is in force now.")
    person.sees("RIS at 10.0.0.2:105")
    assert Current(box.paths.root).get().worklists[0].charset == "utf_8"
    person.press("Status")
    person.sees("Not asked yet")
    person.photograph("status-worklist")
    assert person.complaints() == []
    deliver.close()
