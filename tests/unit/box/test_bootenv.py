"""What U-Boot remembers, whole, torn and missing; and what its counters mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.box.board import Slot
from appliance.box.bootenv import SIZE, BootEnv, compose, parse, remembered
from appliance.box.slots import is_on_trial, may_go_back, other

if TYPE_CHECKING:
    from pathlib import Path

A, B = Slot.A, Slot.B
BOTH = {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "9", "BOOT_B_LEFT": "2"}


def env(order: str, left_a: int, left_b: int) -> BootEnv:
    return BootEnv(tuple(Slot(name) for name in order.split()), {A: left_a, B: left_b})


def test_what_is_written_is_read() -> None:
    assert parse(compose(BOTH)) == env("B A", 9, 2)
    assert len(compose(BOTH)) == SIZE


def test_counts_are_hexadecimal_and_what_is_missing_is_none() -> None:
    assert parse(compose({"BOOT_ORDER": "A", "BOOT_A_LEFT": "a"})) == env("A", 10, 0)
    assert parse(compose({"BOOT_ORDER": "A X", "BOOT_A_LEFT": "many"})) == env("A", 0, 0)
    assert parse(compose({})) == BootEnv((), {A: 0, B: 0})


@pytest.mark.parametrize("torn", [b"", compose(BOTH)[:8192], compose(BOTH)[:8192] + bytes(8192)])
def test_a_torn_file_says_nothing(torn: bytes) -> None:
    changed = compose({**BOTH, "BOOT_B_LEFT": "1"})
    assert parse(torn if len(torn) != SIZE else torn[:40] + changed[40:60] + torn[60:]) is None


def test_where_one_file_is_torn_the_other_counts(tmp_path: Path) -> None:
    assert remembered(tmp_path) is None
    (tmp_path / "slots.bak").write_bytes(compose({**BOTH, "BOOT_B_LEFT": "3"}))
    assert remembered(tmp_path) == env("B A", 9, 3)
    (tmp_path / "slots.env").write_bytes(compose(BOTH))
    assert remembered(tmp_path) == env("B A", 9, 2)
    (tmp_path / "slots.env").write_bytes(bytes(SIZE))
    assert remembered(tmp_path) == env("B A", 9, 3)


# --- What the counters mean


def test_the_other_slot() -> None:
    assert (other(A), other(B)) == (B, A)


@pytest.mark.parametrize(
    ("order", "left_a", "left_b", "own", "trial"),
    [
        ("B A", 9, 2, B, True),  # the first start after an update
        ("B A", 9, 0, B, True),  # its last
        ("B A", 9, 8, B, False),  # it was good before
        ("B A", 9, 0, A, False),  # it went back
        ("A B", 2, 3, A, False),  # a fresh card: there is nothing to go back to
        ("B", 0, 2, B, False),  # the other one was closed
        ("B A", 3, 2, B, False),  # the other one was never good
    ],
)
def test_a_trial_is_a_fresh_slot_beside_a_good_one(
    order: str, left_a: int, left_b: int, own: Slot, *, trial: bool
) -> None:
    assert is_on_trial(env(order, left_a, left_b), own) is trial


def test_without_a_memory_nothing_is_on_trial() -> None:
    assert not is_on_trial(None, A)
    assert not is_on_trial(env("A B", 1, 9), None)


def test_going_back_needs_a_slot_that_would_be_started() -> None:
    assert may_go_back(env("B A", 9, 2), B)
    assert not may_go_back(env("B", 9, 2), B)
