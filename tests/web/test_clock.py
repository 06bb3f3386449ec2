"""The clock on the page: what it says, whether it counts, and setting it by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.box.hour import Hour, operations
from appliance.call import Server
from tests.web.visitor import Visitor, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.builders.box import Box

PLACE = "/settings/clock"


@pytest.fixture
def told(box: Box, tmp_path: Path) -> Iterator[list[float]]:
    """What the kernel is told, by a steward."""
    seconds: list[float] = []
    places = (tmp_path / "unsure", tmp_path / "synchronized", tmp_path / "rtc0")
    hour = Hour(*places, known=(), set_kernel=lambda _, moment: seconds.append(moment))
    steward = Server(box.paths.run / "steward.sock", operations(hour), 0o600)
    steward.start()
    yield seconds
    steward.close()


def test_it_is_set_as_the_clock_on_the_wall_says(owner: Visitor, told: list[float]) -> None:
    assert "Clock" in text_of(owner.get("/settings"))
    assert owner.post(PLACE, now="2026-03-14T16:26").location == PLACE
    assert told == [datetime(2026, 3, 14, 16, 26, tzinfo=UTC).timestamp()]
    assert "The clock is set." in text_of(owner.get(PLACE))


@pytest.mark.usefixtures("told")
def test_a_clock_that_nothing_has_set_is_told_of(owner: Visitor, box: Box) -> None:
    assert "something has set it" in text_of(owner.get(PLACE))
    box.clock.sure = False
    assert "it dates nothing" in text_of(owner.get(PLACE))
    assert "does not know what time it is" in text_of(owner.get("/"))


@pytest.mark.parametrize(
    ("now", "said"), [("soon", "no date and time"), ("2222-01-01T00:00", "cannot be today")]
)
def test_what_cannot_be_is_refused_in_a_sentence(
    owner: Visitor, told: list[float], now: str, said: str
) -> None:
    answer = owner.post(PLACE, now=now)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert told == []


def test_a_workstation_keeps_its_own(owner: Visitor) -> None:
    assert owner.get(PLACE).status_code == 404
    assert "/settings/clock" not in owner.get("/settings").text
