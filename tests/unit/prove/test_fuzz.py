"""The fuzzing proof: the same mutants for the same seed, and every way to fail is seen."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.prove.fuzz import Result, results
from tests.prove.fuzz_kinds import KINDS, Kind
from tests.prove.mutants import mutant, png_checksums


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_seed_says_which_mutants(kind: Kind) -> None:
    def mutants(seed: str) -> list[bytes]:
        return [mutant(kind.samples, kind.way, f"{seed} {number}") for number in range(20)]

    assert mutants("a") == mutants("a")
    assert mutants("a") != mutants("b")
    assert not set(mutants("a")) & set(kind.samples)


def test_checksums_are_mended() -> None:
    (png,) = (kind for kind in KINDS if kind.name == "PNG")
    sample = png.samples[0]
    at = sample.index(b"IEND") + 4  # its checksum is the same in every PNG
    assert sample[at:] == b"\xae\x42\x60\x82"
    spoilt = sample[:29] + bytes(4) + sample[33:at] + bytes(4)
    assert png_checksums(spoilt) == sample


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"faults": ["kept: KeyError()"]}, "KeyError"),
        ({"peak_bytes": 257 << 20}, "257 MB"),
        ({"longest_s": 10.1}, "10.1 s"),
        ({"reached": 4}, "only 4 of 10"),
    ],
)
def test_each_failure_is_said(found: dict[str, Any], words: str) -> None:
    result = Result("BMP", "1", **{"codes": Counter(converted=10), "reached": 5, **found})
    (failure,) = result.failures()
    assert words in failure


def test_mutants_go_through_the_worker() -> None:
    (result,) = results(["BMP"], range(8), "1")
    assert result.count == 8
    assert result.faults == []
    assert result.reached
    assert result.peak_bytes > 10 << 20
