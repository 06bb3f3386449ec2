"""Owns saying how a destination proves that it has what it was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.journal.abilities import Asking, Way

if TYPE_CHECKING:
    from appliance.journal.abilities import Known

_SENTENCES = {
    Asking.COMMITMENT: "Confirmed by storage commitment: it promises to keep each image.",
    Asking.FIND: "Confirmed by asking it for each image (C-FIND).",
    Asking.TRIAL: (
        "Confirmed by asking it for each image (C-FIND); whether it offers storage commitment is "
        "found out with the next one."
    ),
    Asking.RESPONSE: "Its answer to each image is the only proof.",
}
_INSISTED = {Asking.COMMITMENT: Way.COMMITMENT, Asking.FIND: Way.FIND}
_BETTER = {Asking.FIND: (Way.COMMITMENT,), Asking.RESPONSE: (Way.COMMITMENT, Way.FIND)}


def proof_words(asking: Asking, known: Known) -> str:
    """How images there are confirmed, and why not better; or why they are not, as it should be."""
    way = _INSISTED.get(asking)
    if way and known.works.get(way) is False:
        return f"Nothing it takes is confirmed. {known.why[way]}"
    why_not = [known.why.get(way, "") for way in _BETTER.get(asking, ())]
    return " ".join(filter(None, [_SENTENCES[asking], *why_not]))
