from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.board.disk import Room
from appliance.errors import JournalFault
from appliance.journal.worker import Worker
from appliance.status.checks import health
from tests.unit.journal.processes import process

if TYPE_CHECKING:
    import pytest

    from appliance.journal.journal import Journal
    from tests.builders.box import Box

DELIVER = """
    from appliance.journal.worker import Worker
    worker = Worker(box.paths.run, "deliver")
    say("here")
    wait()
"""


def test_a_box_whose_journal_answers_is_healthy(box: Box) -> None:
    assert health(lambda: box.journal) == (True, ())


def test_a_journal_that_does_not_open_is_the_reason() -> None:
    def broken() -> Journal:
        raise JournalFault(path="journal.sqlite", detail="it is malformed")

    ok, (reason,) = health(broken)
    assert not ok
    assert reason.startswith("journal-fault: The journal journal.sqlite could not be read")


def test_no_room_is_a_reason(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.status.checks.room", lambda _: Room(1 << 30, 5 << 20))
    assert health(lambda: box.journal) == (
        False, ("disk-full: only 5 MiB are left on the card",),
    )  # fmt: skip


def test_a_service_that_died_is_a_reason_until_it_is_back(box: Box) -> None:
    with process(DELIVER, box.paths.root) as deliver:
        assert deliver.line() == "here"
        assert health(lambda: box.journal).ok
        deliver.kill()
    assert health(lambda: box.journal).reasons == ("service-died: deliver is not running",)
    again = Worker(box.paths.run, "deliver")
    assert health(lambda: box.journal).ok
    again.retire()


def test_convert_comes_and_goes(box: Box) -> None:
    with process(DELIVER.replace("deliver", "convert"), box.paths.root) as convert:
        assert convert.line() == "here"
        convert.kill()
    assert health(lambda: box.journal).ok
