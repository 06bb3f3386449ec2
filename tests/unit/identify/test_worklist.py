"""When a worklist is asked, when it is left alone, and what is known while it is down."""

from __future__ import annotations

import math
from datetime import date
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from appliance.errors import PortClosed, WorklistFailed, WorklistGarbled
from appliance.identify.worklist import Worklists, ask_about_now
from appliance.settings.load import parse
from tests.builders.worklists import order
from tests.peers.scripted import Call, peer
from tests.peers.worklist_scp import worklist_scp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.dicom.association import Target
    from appliance.identify.worklist import Answer
    from appliance.settings.schema import Settings
    from tests.builders.box import Box
    from tests.peers.worklist_scp import Ris

pytestmark = pytest.mark.network

FRIDAY, SATURDAY, SUNDAY = date(2026, 3, 13), date(2026, 3, 14), date(2026, 3, 15)
"""The clock of the tests starts on Saturday, the day of the orders."""
NOBODY = 1  # a port


@pytest.fixture
def ris() -> Iterator[Ris]:
    with worklist_scp(order(), order(PatientID="P101", AccessionNumber="A101")) as ris:
        yield ris


@pytest.fixture
def worklists(box: Box) -> Worklists:
    return Worklists(box.journal, box.clock)


def table(target: Target, name: str = "ris", more: str = "") -> str:
    return (
        f'[[worklist]]\nname = "{name}"\nhost = "{target.host}"\nport = {target.port}\n'
        f'ae_title = "{target.called}"\n{more}\n'
    )


def settings(ris: Ris, more: str = "") -> Settings:
    return parse(table(ris.target, more=more))


def ask(worklists: Worklists, now: Settings, first: date = SATURDAY) -> Answer:
    return worklists.orders_for(now, "cr", first, SATURDAY)


def patients(answer: Answer) -> list[str]:
    return sorted(each.values["PatientID"] for each in answer.orders)


def test_what_it_tells_is_known_and_fresh(box: Box, worklists: Worklists, ris: Ris) -> None:
    answer = ask(worklists, settings(ris))
    assert patients(answer) == ["P100", "P101"]
    assert (answer.age_s, answer.failed, answer.served) == (0, (), True)
    (place,) = box.journal.ledger.places()
    assert (place["kind"], place["name"], place["state"]) == ("worklist", "ris", "ok")


def test_it_is_asked_for_the_days_and_the_station(worklists: Worklists, ris: Ris) -> None:
    ask(worklists, settings(ris, 'station_ae_title = "CR2"'), FRIDAY)
    (step,) = ris.asked[0].ScheduledProcedureStepSequence
    assert step.ScheduledProcedureStepStartDate == "20260313-20260314"
    assert (step.ScheduledStationAETitle, step.Modality) == ("CR2", "")


def test_a_hundred_images_in_a_row_are_one_question(
    box: Box, worklists: Worklists, ris: Ris
) -> None:
    now = settings(ris, "fresh_s = 30")
    for _ in range(5):
        assert patients(ask(worklists, now)) == ["P100", "P101"]
        box.clock.passes(seconds=5)
    assert len(ris.asked) == 1
    box.clock.passes(seconds=6)
    ris.orders.pop()
    assert patients(ask(worklists, now)) == ["P100"]
    assert len(ris.asked) == 2


def test_days_that_were_not_asked_for_are_not_known_by_the_others(
    worklists: Worklists, ris: Ris
) -> None:
    ask(worklists, settings(ris))
    ask(worklists, settings(ris), FRIDAY)
    ask(worklists, settings(ris))
    assert len(ris.asked) == 2


def test_nothing_ordered_is_no_failure(worklists: Worklists, ris: Ris) -> None:
    ris.orders.clear()
    answer = ask(worklists, settings(ris))
    assert (list(answer.orders), answer.age_s, answer.failed) == ([], 0, ())


def test_a_source_that_no_worklist_serves(worklists: Worklists, ris: Ris) -> None:
    source = '[[source]]\nname = "us"\nkind = "stick"\n'
    now = parse(source + table(ris.target, more='sources = ["us"]'))
    assert ask(worklists, now).served is False
    assert ris.asked == []
    assert worklists.orders_for(now, "us", SATURDAY, SATURDAY).served


def test_an_invented_patient_is_nobodys(worklists: Worklists, ris: Ris) -> None:
    answer = ask(worklists, settings(ris, 'environment = "test"'))
    assert (answer.served, list(answer.orders), ris.asked) == (False, [], [])


def test_two_worklists_tell_together_and_one_that_fails_hides_not_the_other(
    worklists: Worklists, ris: Ris
) -> None:
    dead = parse(table(ris.target) + table(ris.target, "his").replace(str(ris.port), str(NOBODY)))
    answer = ask(worklists, dead)
    assert patients(answer) == ["P100", "P101"]
    assert [type(problem) for problem in answer.failed] == [PortClosed]
    assert answer.age_s == math.inf


# --- outages ----------------------------------------------------------------------------------


def test_while_it_is_down_what_it_told_before_is_known_with_its_age(
    box: Box, worklists: Worklists, ris: Ris
) -> None:
    now = settings(ris)
    ask(worklists, now)
    box.clock.passes(hours=3)
    ris.status = 0xC001
    answer = ask(worklists, now)
    assert patients(answer) == ["P100", "P101"]
    assert answer.age_s == 3 * 3600
    (problem,) = answer.failed
    assert isinstance(problem, WorklistFailed)
    (place,) = box.journal.ledger.places()
    assert (place["state"], place["code"]) == ("failed", "worklist-failed")
    assert place["sentence"] == problem.sentence


def test_what_a_failed_answer_told_is_not_known(worklists: Worklists, ris: Ris) -> None:
    ris.status = 0xC001
    answer = ask(worklists, settings(ris))
    assert (list(answer.orders), answer.age_s) == ([], math.inf)


def test_a_dead_worklist_is_left_alone_for_longer_and_longer(
    box: Box, worklists: Worklists, ris: Ris
) -> None:
    ris.status = 0xC001
    now = settings(ris)
    asked_at = []
    for second in range(0, 1500, 5):
        before = len(ris.asked)
        assert ask(worklists, now).failed
        if len(ris.asked) > before:
            asked_at.append(second)
        box.clock.passes(seconds=5)
    assert asked_at == [0, 15, 45, 105, 225, 465, 765, 1065, 1365]
    ris.status = 0x0000
    box.clock.passes(minutes=5)
    assert not ask(worklists, now).failed
    box.clock.passes(minutes=1)
    ris.status = 0xC001
    assert ask(worklists, now).failed
    before = len(ris.asked)
    box.clock.passes(seconds=16)
    assert ask(worklists, now).failed
    assert len(ris.asked) == before + 1


def test_a_worklist_that_was_put_right_in_the_settings_is_asked_at_once(
    worklists: Worklists, ris: Ris
) -> None:
    wrong = parse(table(ris.target).replace(str(ris.port), str(NOBODY)))
    assert ask(worklists, wrong).failed
    assert not ask(worklists, settings(ris)).failed


def test_a_clock_that_was_set_back_makes_nothing_fresh(
    box: Box, worklists: Worklists, ris: Ris
) -> None:
    ask(worklists, settings(ris))
    box.clock.is_set(box.clock.utc().replace(hour=3))
    assert not ask(worklists, settings(ris)).failed
    assert len(ris.asked) == 2


def test_what_makes_no_sense_is_a_failure(worklists: Worklists) -> None:
    def nonsense(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.respond(request, 0xFF00, data=b"\x10\x00\x20\x00\xff\xff\xff\x00P1")
            call.respond(request, 0x0000)

    with peer(nonsense) as scripted:
        answer = ask(worklists, parse(table(scripted.target)))
    (problem,) = answer.failed
    assert isinstance(problem, WorklistGarbled)
    assert not answer.orders


def test_while_a_worklist_thinks_whoever_watches_hears_that_this_is_alive(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.identify.worklist._BEAT_S", 0.05)
    beats: list[None] = []

    def slow(call: Call) -> None:
        call.accept()
        for request in call.requests():
            call.closing.wait(0.5)
            call.respond(request, 0x0000)

    worklists = Worklists(box.journal, box.clock, lambda: beats.append(None))
    with peer(slow) as scripted:
        assert not ask(worklists, parse(table(scripted.target))).failed
    assert len(beats) > 3


def test_two_slow_worklists_are_asked_at_the_same_time(worklists: Worklists) -> None:
    both = Barrier(2, timeout=10)

    def waits_for_the_other(call: Call) -> None:
        call.accept()
        for request in call.requests():
            both.wait()
            call.respond(request, 0x0000)

    with peer(waits_for_the_other) as one, peer(waits_for_the_other) as other:
        now = parse(table(one.target) + table(other.target, "his"))
        assert not ask(worklists, now).failed


# --- trying it --------------------------------------------------------------------------------


def test_it_is_tried_with_the_days_around_today_where_the_box_stands(box: Box, ris: Ris) -> None:
    """At 23:30 UTC on Friday it is Saturday in Jakarta."""
    box.clock.is_set(box.clock.utc().replace(day=13, hour=23, minute=30))
    jakarta = parse('[box]\ntimezone = "Asia/Jakarta"\n' + table(ris.target))
    told = ask_about_now(jakarta.worklists[0], jakarta, box.clock)
    assert len(told.orders) == 2
    (step,) = ris.asked[0].ScheduledProcedureStepSequence
    assert step.ScheduledProcedureStepStartDate == "20260313-20260315"
    assert box.journal.orders.counts() == {}
