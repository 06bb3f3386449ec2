"""Owns the reckoning: what was dropped against what the PACSs have. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.prove.films import Film
    from tests.prove.pacs import Received


class Reckoning(NamedTuple):
    """What is wrong, a line each, and how many data sets came more than once."""

    faults: list[str]
    resends: int


def reckon(films: Iterable[Film], received: Iterable[Received]) -> Reckoning:
    """Every film must have come as one SOP instance, and every instance with one data set."""
    by_patient = {film.patient: film for film in films}
    uids: dict[str, set[str]] = defaultdict(set)
    digests: dict[str, set[str]] = defaultdict(set)
    faults, count = [], 0
    for one in received:
        count += 1
        film = by_patient.get(one.patient)
        if film is None or not film.is_in(one.data_set):
            faults.append(f"{one.uid} of {one.patient} shows nothing that was dropped")
        uids[one.patient].add(one.uid)
        digests[one.uid].add(one.digest)
    faults += [f"{uid} came with {len(d)} data sets" for uid, d in digests.items() if len(d) > 1]
    for patient, film in by_patient.items():
        if len(uids[patient]) != 1:
            faults.append(f"{film.name} came as {len(uids[patient])} instances")
    return Reckoning(faults, count - len(digests))
