"""Whoever is to work and does not is told, and so is an image that goes no further."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.journal.charge import Charge
from appliance.journal.worker import Worker
from appliance.model import ItemState
from appliance.settings.schema import Settings
from appliance.status.attendance import Attendance
from appliance.status.pattern import LampState
from appliance.status.snapshot import take
from tests.builders.box import NOT_ANSWERING, Box

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_S = 20


class Roll:
    """A keeper's looks at services that are what a test makes of them."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.attendance = Attendance(box.journal, box.clock)
        self.here: dict[str, Worker] = {}
        self.wanted: tuple[str, ...] = ()

    def come(self, *names: str) -> None:
        for name in names:
            self.here[name] = Worker(self.box.paths.run, name)

    def die(self, name: str) -> None:
        """The lock goes with the process; the file stays."""
        worker = self.here.pop(name)
        worker.retire()
        (self.box.paths.run / "workers" / worker.name).touch()

    def looks(self, minutes: float = 1) -> list[str]:
        """Look for so long; the codes of what is said then."""
        for _ in range(round(minutes * 60 / LOOK_S)):
            self.box.clock.passes(seconds=LOOK_S)
            assert self.attendance.turn(self.wanted) == LOOK_S
        return self.said()

    def said(self) -> list[str]:
        snapshot = take(self.box.journal, Settings(), (), self.box.clock)
        return [problem.code for problem in snapshot.problems]

    def sentences(self) -> list[str]:
        snapshot = take(self.box.journal, Settings(), (), self.box.clock)
        return [problem.sentence for problem in snapshot.problems]


@pytest.fixture
def roll(box: Box) -> Iterator[Roll]:
    made = Roll(box)
    made.come("watch", "deliver", "web")
    yield made
    for worker in made.here.values():
        with suppress(OSError):
            worker.retire()


def test_while_everybody_is_there_nothing_is_said(roll: Roll) -> None:
    assert roll.looks(30) == []
    places = roll.box.journal.ledger.places()
    assert places == []  # and nothing is written


def test_one_that_stays_dead_is_said_on_lamps_and_page_until_it_is_back(roll: Roll) -> None:
    roll.looks(10)
    roll.die("watch")
    assert roll.looks(1) == []
    assert roll.looks(1) == ["service-gone"]
    (sentence,) = roll.sentences()
    assert "finds and takes what modalities export has not been running for more" in sentence
    now = take(roll.box.journal, Settings(), (), roll.box.clock)
    assert now.lamps is LampState.NEEDS_A_PERSON
    assert now.document()["settings_problems"][0]["code"] == "service-gone"  # type: ignore[index]
    roll.come("watch")
    assert roll.looks(1) == []


def test_one_whose_lock_was_swept_up_is_missed_too(roll: Roll) -> None:
    roll.looks(10)
    roll.here.pop("deliver").retire()
    assert roll.looks(2) == ["service-gone"]


def test_one_that_dies_again_and_again_is_said_though_it_is_there_at_each_look(
    roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll.looks(10)
    for number in range(9):
        roll.die("watch")
        monkeypatch.setattr("appliance.journal.worker.os.getpid", lambda n=number: 70000 + n)
        roll.come("watch")
        roll.looks(LOOK_S / 60)
    assert roll.said() == []
    roll.die("watch")
    monkeypatch.setattr("appliance.journal.worker.os.getpid", lambda: 80000)
    roll.come("watch")
    assert roll.looks(LOOK_S / 60) == ["service-unsteady"]
    assert roll.looks(1) == []


def test_one_death_is_made_good_and_not_said(roll: Roll, monkeypatch: pytest.MonkeyPatch) -> None:
    roll.looks(10)
    roll.die("deliver")
    assert roll.looks(LOOK_S / 60) == []
    monkeypatch.setattr("appliance.journal.worker.os.getpid", lambda: 80000)
    roll.come("deliver")
    assert roll.looks(10) == []


def test_a_thread_more_or_less_is_the_same_process(roll: Roll) -> None:
    for _ in range(30):
        thread = Worker(roll.box.paths.run, "watch")
        roll.looks(LOOK_S / 60)
        thread.retire()
    assert roll.said() == []


def test_a_slow_board_has_time_to_start_everything(box: Box) -> None:
    roll = Roll(box)
    assert roll.looks(5) == []
    assert roll.looks(1) == ["service-gone"] * 3


@pytest.mark.parametrize("service", ["receive", "share"])
def test_one_that_leaves_when_nobody_wants_it_is_not_missed(roll: Roll, service: str) -> None:
    roll.wanted = (service,)
    roll.come(service)
    roll.looks(10)
    roll.here.pop(service).retire()
    roll.wanted = ()
    assert roll.looks(30) == []
    roll.wanted = (service,)
    assert roll.looks(5) == []
    assert roll.looks(1) == ["service-gone"]
    roll.wanted = ()
    assert roll.looks(1) == []


def test_nobody_is_missed_where_another_box_works(roll: Roll) -> None:
    roll.looks(10)
    for name in list(roll.here):
        roll.die(name)
    roll.box.journal.charge.set(Charge.LEAVING, "1")
    assert roll.looks(30) == ["handed-over"]


def test_a_keeper_that_did_not_look_for_long_begins_anew(roll: Roll) -> None:
    roll.looks(10)
    roll.die("watch")
    roll.box.clock.passes(minutes=30)
    assert roll.looks(4) == []
    assert roll.looks(2) == ["service-gone"]


def test_what_an_earlier_keeper_said_stands_until_it_is_known_better(roll: Roll) -> None:
    roll.looks(10)
    roll.die("watch")
    roll.looks(2)
    again = Roll(roll.box)
    assert again.said() == ["service-gone"]
    again.come("watch")
    assert again.looks(1) == []
    again.die("watch")


def test_it_is_not_looked_more_often_than_needed(roll: Roll) -> None:
    roll.looks(1)
    roll.box.clock.passes(seconds=5)
    assert roll.attendance.turn(()) == LOOK_S - 5


# --- images -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "doing"),
    [
        (ItemState.ARRIVED, "read"),
        (ItemState.CONVERTED, "identified"),
        (ItemState.IDENTIFIED, "sent on its way"),
    ],
)
def test_an_image_that_goes_no_further_for_an_hour_is_said(
    roll: Roll, state: ItemState, doing: str
) -> None:
    item = roll.box.item(state, "film.tif")
    assert roll.looks(60) == []
    assert roll.looks(1) == ["not-going-on"]
    assert roll.sentences() == [
        f"film.tif (item 1) from cr has waited for more than an hour to be {doing}."
    ]
    queue.hold(roll.box.journal, item.id, who="Sari")
    assert roll.looks(1) == []


def test_nobody_trusts_the_clock_for_that(roll: Roll) -> None:
    roll.box.clock.sure = False
    roll.box.item(ItemState.ARRIVED)
    roll.looks(10)
    roll.box.clock.is_set(roll.box.clock.utc().replace(year=2031))
    roll.box.clock.sure = True
    assert roll.looks(40) == []
    assert roll.looks(15) == ["not-going-on"]


def test_an_image_that_waits_for_its_order_is_put_off_for_a_reason(roll: Roll) -> None:
    roll.box.item(ItemState.CONVERTED)
    until = roll.box.clock.utc().replace(year=2027)
    roll.box.journal.items.put_off(roll.box.claim(ItemState.CONVERTED), NOT_ANSWERING, until)
    assert roll.looks(120) == []


def test_thousands_of_images_may_wait_for_each_other(roll: Roll) -> None:
    for _ in range(5):
        roll.box.accept()
    for _ in range(5):
        assert roll.looks(50) == []
        roll.box.convert()
        roll.box.identify()
        roll.box.route()
