"""What is offered for an object, and in which transfer syntax it had better go."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from appliance.elements import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from appliance.forward.encoding import RLE_LOSSLESS, is_hopeless, needs_pixels, offers, wishes
from appliance.model import Instance
from tests.builders.part10 import CR_IMAGE, JPEG_BASELINE, SC_IMAGE


@dataclass(frozen=True)
class Peer:
    """One that takes these transfer syntaxes of the kinds it takes."""

    syntaxes: tuple[str, ...]
    kinds: tuple[str, ...] = (CR_IMAGE, SC_IMAGE)

    def accepts(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        return sop_class_uid in self.kinds and transfer_syntax_uid in self.syntaxes


def instance(syntax: str, number: int = 1, kind: str = CR_IMAGE) -> Instance:
    return Instance(number, kind, f"1.2.{number}", "1.3", "1.4", syntax, "d", (b"",))


PACKED = RLE_LOSSLESS
# What it is, what the peer takes, whether the line is slow; what it is to become ("": stays).
CELLS: dict[str, tuple[str, tuple[str, ...], str, str]] = {
    "taken as it is": (JPEG_BASELINE, (JPEG_BASELINE, EXPLICIT_LE, IMPLICIT_LE), "", ""),
    "refused, both left": (JPEG_BASELINE, (IMPLICIT_LE, EXPLICIT_LE), "", EXPLICIT_LE),
    "refused, implicit left": (JPEG_BASELINE, (IMPLICIT_LE,), "", IMPLICIT_LE),
    "refused, explicit left": (DEFLATED_LE, (EXPLICIT_LE,), "", EXPLICIT_LE),
    "explicit refused": (EXPLICIT_LE, (IMPLICIT_LE,), "", IMPLICIT_LE),
    "big endian refused": (EXPLICIT_BE, (IMPLICIT_LE,), "", IMPLICIT_LE),
    "nothing left": (JPEG_BASELINE, (), "", ""),
    "slow line": (EXPLICIT_LE, (EXPLICIT_LE, PACKED), "rle", PACKED),
    "slow line, compressed already": (JPEG_BASELINE, (JPEG_BASELINE, PACKED), "rle", ""),
    "slow line, RLE refused": (EXPLICIT_LE, (EXPLICIT_LE, IMPLICIT_LE), "rle", ""),
    "slow line, is RLE": (PACKED, (EXPLICIT_LE, PACKED), "rle", ""),
    "fast line, RLE taken": (EXPLICIT_LE, (EXPLICIT_LE, PACKED), "", ""),
    # What is refused is never compressed instead: the plain syntax is the safe one.
    "slow line, refused": (EXPLICIT_LE, (IMPLICIT_LE, PACKED), "rle", IMPLICIT_LE),
}


@pytest.mark.parametrize("cell", CELLS)
def test_what_it_is_to_become(cell: str) -> None:
    syntax, taken, compress, wanted = CELLS[cell]
    found = wishes([instance(syntax)], Peer(taken), compress)
    assert found == ({1: wanted} if wanted else {})


@pytest.mark.parametrize(
    "taken", [(), (PACKED,), (JPEG_BASELINE,), (EXPLICIT_LE,), (IMPLICIT_LE,)]
)
def test_only_what_is_taken_in_no_way_is_hopeless(taken: tuple[str, ...]) -> None:
    assert is_hopeless(CR_IMAGE, JPEG_BASELINE, Peer(taken)) == (taken in {(), (PACKED,)})
    assert is_hopeless(CR_IMAGE, JPEG_BASELINE, Peer(taken, (SC_IMAGE,)))


def test_what_was_made_anew_before_is_not_compressed_again() -> None:
    peer, plain = Peer((EXPLICIT_LE, PACKED)), [instance(EXPLICIT_LE)]
    assert wishes(plain, peer, "rle", lambda: 1) == {}
    assert wishes(plain, Peer((IMPLICIT_LE, PACKED)), "rle", lambda: 1) == {1: IMPLICIT_LE}


def test_who_changes_its_mind_is_given_in_to_some_times() -> None:
    refused, peer = [instance(JPEG_BASELINE)], Peer((EXPLICIT_LE,))
    assert [bool(wishes(refused, peer, "", lambda n=n: n)) for n in range(6)] == [  # type: ignore[misc]
        *[True] * 4,
        *[False] * 2,
    ]


def test_nobody_asks_how_often_where_nothing_is_wanted() -> None:
    def never() -> int:
        raise AssertionError

    assert wishes([instance(EXPLICIT_LE)], Peer((EXPLICIT_LE,)), "", never) == {}


def test_of_several_objects_only_the_refused_ones_change() -> None:
    several = [instance(EXPLICIT_LE), instance(JPEG_BASELINE, 2)]
    assert wishes(several, Peer((EXPLICIT_LE, IMPLICIT_LE)), "") == {2: EXPLICIT_LE}


def test_where_one_of_several_is_not_taken_at_all_none_is_made_anew() -> None:
    several = [instance(JPEG_BASELINE), instance(EXPLICIT_LE, 2, SC_IMAGE)]
    assert wishes(several, Peer((EXPLICIT_LE,), (CR_IMAGE,)), "") == {}


@pytest.mark.parametrize(
    ("before", "after", "needed"),
    [
        (EXPLICIT_LE, IMPLICIT_LE, False),
        (IMPLICIT_LE, EXPLICIT_LE, False),
        (EXPLICIT_BE, EXPLICIT_LE, True),
        (DEFLATED_LE, IMPLICIT_LE, True),
        (JPEG_BASELINE, EXPLICIT_LE, True),
        (EXPLICIT_LE, RLE_LOSSLESS, True),
    ],
)
def test_pixels_stay_where_only_the_words_around_them_change(
    before: str, after: str, *, needed: bool
) -> None:
    assert needs_pixels(before, after) is needed


def test_explicit_is_offered_beside_what_is_there() -> None:
    contexts = [(CR_IMAGE, JPEG_BASELINE), (SC_IMAGE, EXPLICIT_LE)]
    assert offers(contexts, "") == [*contexts, (CR_IMAGE, EXPLICIT_LE)]


def test_rle_is_offered_only_where_it_is_asked_for() -> None:
    assert offers([(CR_IMAGE, EXPLICIT_LE)], "rle") == [
        (CR_IMAGE, EXPLICIT_LE),
        (CR_IMAGE, RLE_LOSSLESS),
    ]
