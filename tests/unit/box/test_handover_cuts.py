"""A pulled plug or stick at every line of the handover: never two boxes at work, no image lost.

The child process is cut off the moment it comes to a line of the product for the first time; what
SQLite and the file system were told by then is all there is, as after a power cut that loses
nothing it was told to keep. (What is lost that was not, `prove cut` shows for the same calls.)
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.box import handover, takeover, token, volumes
from appliance.box.token import Word
from appliance.errors import HandoverStands, NotReleased, NotThere, ParcelDamaged, Problem
from appliance.journal import away, charge
from appliance.journal.away import may_use_address
from appliance.journal.charge import Charge
from tests.builders.spares import ALL, PASSPHRASE, Room, copied, quick_key, room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_WATCHED = {module.__file__ for module in (handover, takeover, token, charge, away, volumes)}
_STRIDE = int(os.environ.get("EVERY", "8"))
"""One line of so many is cut at; with EVERY=1 in the environment each, which takes minutes."""
_PATIENCE_S = 900 // _STRIDE

Line = tuple[str, int]


@pytest.fixture(scope="module")
def template() -> Iterator[Room]:
    """In memory: what a file system keeps after a cut is not what is asked here."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield room(Path(folder) / "template")


@pytest.fixture
def top(template: Room) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=template.top.parent) as folder:
        yield Path(folder)


class Lines:
    """Calls `reached` at every line of the product when it is come to for the first time."""

    def __init__(self, reached: Callable[[Line], None]) -> None:
        self._reached = reached
        self._seen: set[Line] = set()

    def __call__(self, frame: FrameType, event: str, _: object) -> Lines | None:
        if frame.f_code.co_filename not in _WATCHED:
            return None
        line = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and line not in self._seen:
            self._seen.add(line)
            self._reached(line)
        return self


def lines_of(act: Callable[[], None]) -> list[Line]:
    found: list[Line] = []
    coverage = sys.gettrace()
    sys.settrace(Lines(found.append))
    try:
        act()
    finally:
        sys.settrace(coverage)
    return found


def in_a_child(act: Callable[[], None], at: Line, do: Callable[[], None]) -> None:
    """Act in a process of its own, in which `do` is done when it comes to that line."""
    child = os.fork()
    if not child:
        with suppress(BaseException):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            sys.settrace(Lines(lambda line: do() if line == at else None))
            act()
        os._exit(0)
    os.waitpid(child, 0)


def give(here: Room) -> None:
    handover.hand_over(here.machine("old"), here.stick, quick_key())


def take(here: Room) -> None:
    takeover.take_over(here.machine("spare"), here.stick, PASSPHRASE)


def give_again(here: Room) -> None:
    """What the person does who sees that the old box waits for its stick."""
    old = here.machine("old")
    if here.state("old") is Charge.RELEASING:
        handover.settle_with(old, here.stick)
    elif here.state("old") is Charge.HERE:
        give(here)


def check_one_works(here: Room) -> None:
    assert not (here.works("old") and not here.works("spare") and _is_released(here))
    empty = here.items("spare") == {}
    assert here.works("old") + (here.works("spare") and not empty) <= 1


def check_address(here: Room) -> None:
    """As the next start finds it: it looks before anybody makes anything good."""
    is_used = may_use_address(here.machine("old").paths)
    said = token.read(here.stick)
    assert not (is_used and said is not None and said.word is not Word.VOID)
    assert is_used or here.state("old") in {Charge.RELEASING, Charge.LEFT}


def _is_released(here: Room) -> bool:
    said = token.read(here.stick)
    return said is not None and said.word is Word.RELEASED


def cuts(act: Callable[[Room], None], template: Room, top: Path, prepare: Room) -> list[Line]:
    """The lines at which to cut, evenly chosen."""
    whole = copied(prepare, top / "whole")
    return lines_of(lambda: act(whole))[::_STRIDE]


def plug() -> None:
    """It is pulled."""
    os._exit(1)


def pulled(here: Room) -> Callable[[], None]:
    """The stick is not there any more, and nothing can be made in its place."""

    def pull() -> None:
        here.stick.parent.rename(here.top / "in somebody's pocket")
        here.stick.parent.touch()

    return pull


def put_back(here: Room) -> None:
    if (pocket := here.top / "in somebody's pocket").exists():
        here.stick.parent.unlink()
        pocket.rename(here.stick.parent)


@pytest.mark.timeout(_PATIENCE_S)
@pytest.mark.parametrize("what", ["plug", "stick"])
def test_cut_while_the_old_box_hands_over(template: Room, top: Path, what: str) -> None:
    for number, line in enumerate(cuts(give, template, top, template)):
        here = copied(template, top / str(number))
        end = pulled(here) if what == "stick" else plug
        in_a_child(lambda here=here: give(here), line, end)  # type: ignore[misc]
        put_back(here)
        check_address(here)
        here.restart("old")
        check_one_works(here)
        if not here.works("old") and not _is_released(here):
            with pytest.raises((NotReleased, NotThere, ParcelDamaged)):
                take(here)
            here.restart("spare")
        give_again(here)
        take(here)
        here.restart("spare")
        check_one_works(here)
        assert here.works("spare"), line
        assert here.items("spare") == ALL, line


@pytest.mark.timeout(_PATIENCE_S)
@pytest.mark.parametrize("what", ["plug", "stick"])
def test_cut_while_the_spare_takes_over(template: Room, top: Path, what: str) -> None:
    given = copied(template, top / "given")
    give(given)
    for number, line in enumerate(cuts(take, template, top, given)):
        here = copied(given, top / str(number))
        end = pulled(here) if what == "stick" else plug
        in_a_child(lambda here=here: take(here), line, end)  # type: ignore[misc]
        put_back(here)
        here.restart("spare")
        check_one_works(here)
        assert not here.works("old")
        if here.items("spare") != ALL:
            take(here)
            here.restart("spare")
        assert here.works("spare"), line
        assert here.items("spare") == ALL, line
        with pytest.raises(Problem):
            handover.take_back(here.machine("old"), here.stick)


@pytest.mark.timeout(_PATIENCE_S)
def test_cut_while_the_spare_puts_things_in_their_place(template: Room, top: Path) -> None:
    given = copied(template, top / "given")
    give(given)
    take(given)

    def start(here: Room) -> None:
        takeover.carry_out(here.machine("spare").paths)

    for number, line in enumerate(cuts(start, template, top, given)):
        here = copied(given, top / str(number))
        in_a_child(lambda here=here: start(here), line, plug)  # type: ignore[misc]
        in_a_child(lambda here=here: start(here), line, plug)  # type: ignore[misc]
        here.restart("spare")
        assert here.works("spare"), line
        assert here.items("spare") == ALL, line
        assert not here.machine("spare").paths.coming.exists()


def test_a_box_taken_back_and_cut_goes_on_or_waits(template: Room, top: Path) -> None:
    given = copied(template, top / "given")
    give(given)

    def back(here: Room) -> None:
        handover.take_back(here.machine("old"), here.stick)

    for number, line in enumerate(cuts(back, template, top, given)):
        here = copied(given, top / str(number))
        in_a_child(lambda here=here: back(here), line, plug)  # type: ignore[misc]
        check_address(here)
        here.restart("old")
        check_one_works(here)
        if not here.works("old"):
            with suppress(HandoverStands):
                back(here)
        assert here.works("old"), line
