"""Whether the box works: what counts, what does not, and for how long it must last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box import health
from appliance.box.health import ALWAYS, MAY_REST, Look, Trial, page_reasons, shown
from appliance.box.rauc import Rauc
from appliance.services.health import Watch, is_marked_good, limit_s, well
from tests.fakes.clock import FakeClock
from tests.fakes.rauc import FakeRauc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

WELL = Look((), {"jembatan-watch": 0})
RESTARTED = Look((), {"jembatan-watch": 1})
UNWELL = Look(("jembatan-watch is failed",), {"jembatan-watch": 1})


def judged(*looks: Look) -> tuple[bool, float]:
    """What comes of looks that follow each other, the last for good; and after how long."""
    clock = FakeClock()

    def going() -> Iterator[Look]:
        yield from looks
        while True:
            yield looks[-1]

    each = going()
    watch = Watch(
        lambda: next(each),
        now_s=clock.monotonic,
        rest=lambda s: clock.passes(seconds=s),
        least_s=20,
        limit_s=300,
    )
    return well(watch), clock.monotonic()


def test_a_box_that_is_well_for_a_while_passes() -> None:
    assert judged(WELL) == (True, 21)


def test_a_start_may_take_its_time() -> None:
    assert judged(*[UNWELL] * 30, RESTARTED) == (True, 30 * 3 + 21)


def test_who_comes_on_demand_is_rung_for_once_the_others_are_well() -> None:
    rung = []
    clock = FakeClock()
    looks = iter([UNWELL, UNWELL, *[RESTARTED] * 20])
    watch = Watch(
        lambda: next(looks),
        lambda: rung.append(clock.monotonic()),
        clock.monotonic,
        lambda s: clock.passes(seconds=s),
    )
    assert well(watch)
    assert rung == [6]


def test_a_service_that_starts_again_begins_the_wait_anew() -> None:
    passed, after_s = judged(WELL, WELL, WELL, RESTARTED)
    assert passed
    assert after_s == 3 * 3 + 21


def test_what_stays_unwell_fails_when_the_time_is_over() -> None:
    assert judged(UNWELL) == (False, 300)


def test_what_starts_again_and_again_fails_too() -> None:
    looks = [Look((), {"jembatan-watch": number}) for number in range(200)]
    assert judged(*looks)[0] is False


def test_a_slow_machine_has_more_time() -> None:
    assert (limit_s(12), limit_s(100), limit_s(1800)) == (300, 800, 1800)


def test_being_well_is_counted_from_its_beginning() -> None:
    trial = Trial().after(WELL, 5).after(WELL, 8)
    assert not trial.is_passed(24, 20)
    assert trial.is_passed(25, 20)
    assert trial.after(UNWELL, 30).reasons == UNWELL.reasons


def test_what_cannot_be_marked_is_not_good(tmp_path: Path) -> None:
    rauc = FakeRauc()
    assert is_marked_good(rauc)
    assert rauc.marked == ["good"]
    assert not is_marked_good(Rauc(tmp_path / "none", "no-such-program"))


def test_the_page_may_say_that_the_card_is_full() -> None:
    assert page_reasons(200, "ok\n") == ()
    assert page_reasons(503, "disk-full: only 3 MiB are left on the card\n") == ()
    assert page_reasons(503, "journal-fault: The journal ...\ndisk-full: x\n") == (
        "journal-fault: The journal ...",
    )
    assert page_reasons(500, "") == ("the page answers 500",)
    assert page_reasons(503, "") == ("the page answers 503",)


def test_units_are_read_from_what_systemctl_shows() -> None:
    text = (
        "Id=jembatan-watch.service\nActiveState=active\nNRestarts=2\n\n"
        "NRestarts=0\nId=jembatan-keeper.service\nActiveState=failed\n"
    )
    assert shown(text) == {"jembatan-watch": ("active", 2), "jembatan-keeper": ("failed", 0)}
    assert shown("") == {}


def test_a_machine_without_anything_is_unwell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_systemctl", lambda _: "")
    reasons = health.look(tmp_path, 1).reasons
    assert reasons[0] == f"nothing is mounted at {tmp_path}"
    assert reasons[1].startswith("the page does not answer: ")
    assert reasons[2:] == tuple(f"{name} is not known" for name in ALWAYS)


def test_who_comes_on_demand_may_rest_and_must_not_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = dict.fromkeys(ALWAYS, "active") | dict.fromkeys(MAY_REST, "inactive")
    states |= {"jembatan-receive": "active", "jembatan-convert": "failed"}
    text = "\n\n".join(
        f"Id={name}.service\nActiveState={state}\nNRestarts=0" for name, state in states.items()
    )
    monkeypatch.setattr(health, "_systemctl", lambda _: text)
    found = health.look(tmp_path, 1)
    assert found.reasons[2:] == ("jembatan-convert is failed",)
    assert set(found.starts) == {*ALWAYS, *MAY_REST}
