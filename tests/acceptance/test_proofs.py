"""Short forms of `./dev prove kill`, `cut`, `trace` and `full`: a few points of each."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.prove import cut, full, kill, trace
from tests.prove.disk import why_not
from tests.prove.mutations import MUTATIONS, mutated
from tests.prove.pacs import Archive

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)


def test_killed_services_lose_nothing(tmp_path: Path) -> None:
    proof = kill.Proof(tmp_path, Archive(tmp_path / "archive"), Random(7))
    proof.run(8)
    assert len(proof.kills) == 8


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_cuts_of_power_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with cut.Proof(tmp_path, Random(7)) as proof:
        proof.run(4)
        assert proof.tally.promises > 0


def test_the_card_is_written_in_the_right_order(tmp_path: Path) -> None:
    assert trace.recorded(tmp_path).faults() == []


def test_a_missing_fsync_is_noticed(tmp_path: Path) -> None:
    code = mutated(tmp_path, MUTATIONS[0])
    assert trace.recorded(tmp_path, code).faults()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_mutation_still_fits_the_product(tmp_path: Path, mutation: object) -> None:
    """`./dev prove mutations` takes minutes; that it could be run is seen here."""
    assert isinstance(mutation, type(MUTATIONS[0]))
    mutated(tmp_path, mutation)


@pytest.mark.parametrize(
    "point",
    [
        full.Point("watch", "write", 2),
        full.Point("convert", "fsync", 1),
        full.Point("deliver", "pwrite64", 20),
    ],
    ids=lambda point: f"{point.service} {point.call}",
)
def test_a_full_card_loses_nothing_and_is_said(point: full.Point) -> None:
    outcome = full.passed(point)
    assert outcome.was_reached
    assert outcome.faults == []


@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_a_full_card_empties_itself_once_the_pacs_is_back() -> None:
    assert list(full.drained("64M", 20)) == []
