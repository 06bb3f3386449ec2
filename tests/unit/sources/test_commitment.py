"""What may be told about an image: success only where nothing else can be true."""

from __future__ import annotations

import pytest

from appliance.journal.commitments import Fate, Reference
from appliance.sources.callers.commitment import verdict

IMAGE = Reference("1.2.840.10008.5.1.4.1.1.1", "1.2.3")


@pytest.mark.parametrize(
    ("known", "of_class", "given_up", "proved", "now", "in_the_end"),
    [
        (0, 0, 0, 0, 0x0112, 0x0112),  # never came
        (1, 0, 0, 1, 0x0119, 0x0119),  # as something else
        (2, 1, 0, 2, 0x0119, 0x0119),  # as both
        (1, 1, 0, 1, 0, 0),
        (1, 1, 0, 0, None, 0x0110),
        (2, 2, 0, 1, None, 0x0110),  # two under one UID, and only one of them is there
        (2, 2, 0, 2, 0, 0),
        (1, 1, 1, 0, 0x0110, 0x0110),  # a person discarded it
    ],
)
def test_verdict(
    known: int, of_class: int, given_up: int, proved: int, now: int | None, in_the_end: int
) -> None:
    fate = Fate(IMAGE, known, of_class, given_up, proved)
    assert verdict(fate, overdue=False) == now
    assert verdict(fate, overdue=True) == in_the_end
