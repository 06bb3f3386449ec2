"""Lanes over days: outages, hours, urgency, several sources, several associations, power cuts."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import ExitStack, closing, contextmanager
from itertools import count, pairwise
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from appliance.errors import HandedOver
from appliance.forward.gate import Gate
from appliance.forward.lane import Lane, batch_size
from appliance.journal.charge import Charge
from appliance.model import ItemState, Priority
from appliance.settings.schema import Confirm, Destination, Retry
from tests.builders.box import Box
from tests.builders.crowd import Film, crowd
from tests.peers.orthanc import free_port
from tests.peers.scripted import Call, Peer, answers, peer, rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.dicom.association import Target

DAY_S = 86400.0


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.close()


def destination_at(target: Target, name: str = "pacs", **settings: Any) -> Destination:
    wanted = {"confirm": Confirm.RESPONSE, "answer_s": 1.0, **settings}
    return Destination(name, target.host, target.port, target.called, **wanted)


@contextmanager
def lane_of(
    box: Box, target: Target, gate: Gate | None = None, name: str = "pacs", **settings: Any
) -> Iterator[Lane]:
    destination = destination_at(target, name, **settings)
    lane = Lane(destination, target, box.journal, box.clock, lambda: None, gate)
    yield lane
    lane.close()


def states(box: Box, destination: str = "pacs") -> dict[str, int]:
    return dict(box.journal.ledger.delivery_counts().get(destination, {}))


def place(box: Box) -> tuple[str, str, str]:
    row = next(r for r in box.journal.ledger.places() if r["kind"] == "destination")
    return row["state"], row["code"], row["sentence"]


class Pacs:
    """A scripted peer that takes everything and remembers what, in order."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def __call__(self, call: Call) -> None:
        call.accept()
        for request in call.requests():
            self.got.append(request.uid)
            call.respond(request, 0x0000)


class Diary:
    """A script, and when by the box's clock it was called."""

    def __init__(self, box: Box, script: Callable[[Call], None]) -> None:
        self._clock = box.clock
        self._script = script
        self.called_at_s: list[float] = []

    def __call__(self, call: Call) -> None:
        self.called_at_s.append(self._clock.monotonic())
        self._script(call)

    @property
    def pauses_s(self) -> list[float]:
        """Between calls, once the waits are at their longest."""
        return [b - a for a, b in pairwise(self.called_at_s)][12:]


def test_a_lane_that_is_dismissed_keeps_no_other_from_finding_out(box: Box) -> None:
    """A handover began while it was about to try, and came to nothing."""
    box.paths.etc.mkdir()
    box.item(ItemState.ROUTED)
    with peer(Pacs()) as pacs:
        gate = Gate(destination_at(pacs.target), ZoneInfo("UTC"), box.clock)
        gate.failed(None, stopped=False)
        box.clock.passes(seconds=60)
        with lane_of(box, pacs.target, gate) as lane:
            box.journal.charge.set(Charge.LEAVING, "m")
            with pytest.raises(HandedOver):
                lane.turn()
            assert gate.rest_s("another") > 0
        assert gate.rest_s("another") == 0


# --- an outage of three days ------------------------------------------------------------------


def one_day(box: Box, lane: Lane) -> None:
    """Turn after turn, by a clock that is moved by exactly the rest that is asked for."""
    until_s = box.clock.monotonic() + DAY_S
    while (left_s := until_s - box.clock.monotonic()) > 0.001:
        rest_s = lane.turn()
        box.clock.passes(seconds=min(rest_s and rest_s + 0.001, left_s))


def by_study(uids: list[str], study_of: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for uid in uids:
        found[study_of[uid]].append(uid)
    return found


@pytest.mark.timeout(120)
def test_after_three_days_without_a_pacs_everything_arrives_in_order(tmp_path: Path) -> None:
    films = [Film(study=f"1.9.{n // 20}", source=f"room{n // 20 % 3}") for n in range(5000)]
    box = Box(tmp_path)
    uids = crowd(box, films)
    pacs, nobody = Pacs(), Peer(free_port()).target
    with lane_of(box, nobody) as lane:  # the cable is pulled
        one_day(box, lane)
    full = Diary(box, answers(0xA700, "full"))
    with peer(full) as wrong, lane_of(box, wrong.target) as lane:
        one_day(box, lane)
    box.close()
    box = box.again("deliver")  # the power failed too
    box.journal.custody.free_the_dead()
    busy = Diary(box, rejects(2, 3, 1))
    with peer(busy) as wrong, lane_of(box, wrong.target) as lane:
        one_day(box, lane)
    assert states(box) == {"deferred": 5000}
    with peer(pacs) as well, lane_of(box, well.target) as lane:
        while states(box).get("confirmed", 0) < 5000:
            box.clock.passes(seconds=lane.turn())
    assert sorted(pacs.got) == sorted(uids)  # each once
    study_of = {uid: film.study for uid, film in zip(uids, films, strict=True)}
    assert by_study(pacs.got, study_of) == by_study(uids, study_of)
    for diary in (full, busy):
        assert 40 < len(diary.called_at_s) < 120
        assert all(900 <= pause_s <= 1800 for pause_s in diary.pauses_s)
        assert len({round(pause_s) for pause_s in diary.pauses_s}) > 30  # no two boxes keep step
    assert well.calls == 1
    box.close()


def test_a_pacs_that_is_full_for_three_days_costs_no_image_anything(box: Box) -> None:
    crowd(box, [Film(source=f"room{n % 3}") for n in range(30)])
    with peer(answers(0xA700, "full")) as full, lane_of(box, full.target) as lane:
        for _ in range(3):
            one_day(box, lane)
    assert states(box) == {"deferred": 30}
    assert place(box)[:2] == ("full", "out-of-room")
    with peer(Pacs()) as well, lane_of(box, well.target) as lane:
        one_day(box, lane)
    assert states(box) == {"confirmed": 30}


def test_a_pacs_that_is_full_but_for_now_and_then_holds_nothing_either(box: Box) -> None:
    crowd(box, [Film()] * 30)
    calls = count()

    def nearly_full(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xA700 if next(calls) % 6 else 0x0000)

    with peer(nearly_full) as full, lane_of(box, full.target) as lane:
        for _ in range(3):
            one_day(box, lane)
    assert states(box) == {"confirmed": 30}


def test_one_image_that_is_never_taken_is_held_and_delays_no_other(box: Box) -> None:
    (poison,) = crowd(box, [Film()])

    def picky(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xA700 if request.uid == poison else 0x0000)

    with peer(picky) as wrong, lane_of(box, wrong.target) as lane:
        one_day(box, lane)
        assert place(box)[:2] == ("full", "out-of-room")
        for _ in range(3):
            crowd(box, [Film()])
            lane.turn()  # at once, though the image before it has been refused for a day
            assert place(box)[0] == "up"
            one_day(box, lane)
    assert states(box) == {"held": 1, "confirmed": 3}


def test_an_image_that_fails_alone_for_days_is_held(box: Box) -> None:
    (poison,) = crowd(box, [Film()])

    def failing(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0x0110 if request.uid == poison else 0x0000)

    with peer(failing) as wrong, lane_of(box, wrong.target, retry=Retry(days=1)) as lane:
        one_day(box, lane)
        crowd(box, [Film()])
        assert states(box) == {"prepared": 1, "deferred": 1}
        one_day(box, lane)
        one_day(box, lane)
    assert states(box) == {"confirmed": 1, "held": 1}


def test_a_retry_schedule_is_kept(box: Box) -> None:
    crowd(box, [Film()])
    schedule = Retry(first_s=60, longest_s=240)
    diary = Diary(box, rejects(2, 3, 1))
    with peer(diary) as busy, lane_of(box, busy.target, retry=schedule) as lane:
        one_day(box, lane)
    pauses_s = [b - a for a, b in pairwise(diary.called_at_s)]
    for pause_s, whole_s in zip(pauses_s, (60, 120, 240, 240, 240), strict=False):
        assert whole_s / 2 <= pause_s <= whole_s + 1


# --- power cuts -------------------------------------------------------------------------------


def test_after_a_power_cut_it_goes_on_where_it_was(tmp_path: Path) -> None:
    box, pacs = Box(tmp_path), Pacs()
    uids = crowd(box, [Film()] * 40)

    def sends_one_back(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if request.uid != uids[3]:
                pacs.got.append(request.uid)
            call.respond(request, 0xC001 if request.uid == uids[3] else 0x0000)

    with peer(sends_one_back) as first, lane_of(box, first.target) as lane:
        lane.turn()
    assert len(box.journal.deliveries.claim_deliveries("pacs", 16)) == 16  # and the plug is pulled
    box.close()
    box = box.again("deliver")
    box.journal.custody.free_the_dead()
    with peer(pacs) as second, lane_of(box, second.target) as lane:
        while lane.turn() == 0:
            pass
        assert pacs.got == [uid for uid in uids if uid != uids[3]]  # that one waits on
        box.clock.passes(minutes=1)
        lane.turn()
    assert pacs.got[-1] == uids[3]
    box.close()


def test_what_ends_the_sender_again_and_again_gets_out_of_the_way(tmp_path: Path) -> None:
    box = Box(tmp_path)
    crowd(box, [Film()] * 20)
    for _ in range(3):
        box.journal.deliveries.claim_deliveries("pacs", 16)
        box.close()
        box = box.again("deliver")
        box.journal.custody.free_the_dead()
    assert len(box.journal.deliveries.claim_deliveries("pacs", 99)) == 4
    box.clock.passes(minutes=5)
    assert len(box.journal.deliveries.claim_deliveries("pacs", 99)) == 16
    box.close()


def test_what_is_decided_otherwise_while_it_is_sent_stays_so_and_the_rest_goes_on(
    box: Box,
) -> None:
    uids = crowd(box, [Film()] * 5)

    def interrupting(call: Call) -> None:
        call.accept()
        for request in call.requests():
            if request.uid == uids[1]:  # this one and the next but one, which waits its turn
                with closing(sqlite3.connect(box.paths.journal)) as journal:
                    journal.execute(
                        "UPDATE delivery SET state = 'held', claimed_by = NULL WHERE id IN (2, 4)"
                    )
                    journal.commit()
            call.respond(request, 0x0110 if request.uid == uids[2] else 0x0000)

    with peer(interrupting) as well, lane_of(box, well.target) as lane:
        lane.turn()
        lane.turn()
    assert states(box) == {"confirmed": 2, "deferred": 1, "held": 2}


# --- whose turn it is -------------------------------------------------------------------------


def test_a_single_film_does_not_wait_for_the_thousands_of_another_source(box: Box) -> None:
    pacs = Pacs()
    crowd(box, [Film(source="ct")] * 300)
    with peer(pacs) as well, lane_of(box, well.target) as lane:
        lane.turn()
        (film,) = crowd(box, [Film(source="cr")])
        lane.turn()
    assert film in pacs.got[16:18]


def test_on_a_slow_line_sources_take_turns_image_by_image(box: Box) -> None:
    pacs = Pacs()
    crowd(box, [Film(source="ct")] * 30)
    crowd(box, [Film(source="cr")] * 3)

    def slow(call: Call) -> None:
        call.accept()
        for request in call.requests():
            box.clock.passes(seconds=40)
            pacs.got.append(request.uid)
            call.respond(request, 0x0000)

    with peer(slow) as well, lane_of(box, well.target) as lane:
        lane.turn()
        already = len(pacs.got)
        while len(pacs.got) < already + 4:
            lane.turn()
        (stat,) = crowd(box, [Film(source="ct", priority=Priority.STAT)])
        lane.turn()
    assert pacs.got[-1] == stat


@pytest.mark.parametrize(
    ("count", "seconds", "batch"),
    [(16, 0.0, 16), (1, 0.0, 16), (16, 2.0, 16), (16, 4.0, 8), (8, 16.0, 1), (1, 600.0, 1)],
)
def test_a_batch_lasts_about_two_seconds(count: int, seconds: float, batch: int) -> None:
    assert batch_size(count, seconds) == batch


def test_what_is_urgent_goes_first_and_says_so_to_the_pacs(box: Box) -> None:
    commands: list[tuple[str, int]] = []

    def noting(call: Call) -> None:
        call.accept()
        for request in call.requests():
            commands.append((request.uid, int.from_bytes(request.command[0x0700], "little")))
            call.respond(request, 0x0000)

    routine, high, stat = crowd(box, [Film(priority=each) for each in reversed(Priority)])
    with peer(noting) as well, lane_of(box, well.target) as lane:
        lane.turn()
    assert commands == [(stat, 1), (high, 1), (routine, 0)]  # PS3.7 9.1.1.1: 1 is high


# --- hours ------------------------------------------------------------------------------------


def test_out_of_hours_only_what_is_urgent_goes_and_the_page_says_until_when(box: Box) -> None:
    # 09:26 UTC is 16:26 in Jakarta.
    pacs = Pacs()
    (film,) = crowd(box, [Film()])
    with peer(pacs) as well:
        night = destination_at(well.target, hours=("19:00-06:00",))
        gate = Gate(night, ZoneInfo("Asia/Jakarta"), box.clock)
        with lane_of(box, well.target, gate, hours=night.hours) as lane:
            rest_s = lane.turn()
            assert place(box)[:2] == ("waiting", "out-of-hours")
            assert "at 19:00-06:00 only; what is not urgent waits until 19:00." in place(box)[2]
            (stat,) = crowd(box, [Film(priority=Priority.STAT)])
            lane.turn()
            assert pacs.got == [stat]
            box.clock.passes(seconds=rest_s - 1)
            lane.turn()
            assert states(box) == {"prepared": 1, "confirmed": 1}
            box.clock.passes(seconds=1)
            lane.turn()
    assert pacs.got == [stat, film]
    assert place(box)[0] == "up"


# --- several associations ---------------------------------------------------------------------


@contextmanager
def two_lanes(box: Box, target: Target) -> Iterator[tuple[Lane, Lane]]:
    gate = Gate(destination_at(target), ZoneInfo("UTC"), box.clock)
    with lane_of(box, target, gate) as first, lane_of(box, target, gate) as second:
        yield first, second


def test_an_association_too_many_is_not_the_destinations_fault(box: Box) -> None:
    crowd(box, [Film()] * 64)
    pacs = Pacs()
    with peer(pacs, rejects(2, 3, 2)) as one_only, two_lanes(box, one_only.target) as lanes:
        first, second = lanes
        first.turn()
        assert second.turn() > 0
        assert place(box)[0] == "up"
        for _ in range(4):
            first.turn()
        assert len(pacs.got) == 64
        assert second.turn() > 0
        assert one_only.calls == 2


def test_whether_a_destination_is_back_is_found_out_by_one_lane(box: Box) -> None:
    crowd(box, [Film()] * 64)
    with peer(rejects(2, 3, 1)) as busy, two_lanes(box, busy.target) as (first, second):
        first.turn()
        assert second.turn() > 0
        box.clock.passes(minutes=1)
        first.turn()
        assert second.turn() > 0
        assert busy.calls == 2


# --- several destinations ---------------------------------------------------------------------


def test_a_healthy_destination_is_done_while_others_are_dead_slow_or_picky(tmp_path: Path) -> None:
    box = Box(tmp_path)
    names = ("well", "dead", "slow", "picky")
    enhanced = "1.2.840.10008.5.1.4.1.1.2.1"
    for name in names:
        kinds = [enhanced if name == "picky" and n % 2 else Film.sop_class for n in range(40)]
        crowd(box, [Film(destination=name, sop_class=kind) for kind in kinds])
    done = Event()

    def slow(call: Call) -> None:
        call.accept()
        for request in call.requests():
            done.wait()
            call.respond(request, 0x0000)

    def picky(call: Call) -> None:
        call.accept(result=lambda sop_class, _syntax: 3 if sop_class == enhanced else 0)
        for request in call.requests():
            call.respond(request, 0x0000)

    def work(name: str, target: Target) -> None:
        own = box.again(name)
        with lane_of(own, target, name=name) as lane:
            while lane.turn() == 0:
                pass
        own.close()

    with ExitStack() as running:
        scripts: dict[str, Callable[[Call], None]] = {"well": Pacs(), "slow": slow, "picky": picky}
        peers = {n: running.enter_context(peer(s)).target for n, s in scripts.items()}
        peers["dead"] = Peer(free_port()).target
        threads = {n: Thread(target=work, args=(n, peers[n])) for n in names}
        for thread in threads.values():
            thread.start()
        try:
            for name in ("well", "dead", "picky"):
                threads[name].join()
            assert states(box, "well") == {"confirmed": 40}
            assert states(box, "dead") == {"deferred": 40}
            assert states(box, "picky") == {"confirmed": 20, "held": 20}
            assert "confirmed" not in states(box, "slow")
        finally:
            done.set()
            threads["slow"].join()
    assert states(box, "slow") == {"confirmed": 40}
    box.close()
