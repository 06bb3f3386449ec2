"""Owns the doubt about a sidecar: whether it speaks of its image, or of another one of that name.

A device that uses a name again writes the picture first and the text file later, or not any more
where its stick is pulled. What lies there until then names the patient of the picture before.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from appliance.identify import rules
from appliance.intake.sidecars import is_named_like
from appliance.model import ItemState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.journal.journal import Journal
    from appliance.model import Item


def former_of(journal: Journal, item: Item) -> Item | None:
    """The image that was called like `item` when its sidecars said the same of that one, if any.

    What an image says itself, in its header or its name, is its own and no sidecar's word.
    """
    words = rules.only_beside(item.evidence)
    if not words:
        return None
    namesakes = journal.items.namesakes(item, listed=_is_listed(item))
    return next((each for each in namesakes if _was_told(each, item, words)), None)


def outdated(journal: Journal, item: Item) -> Iterator[Item]:
    """The same picture under the same name, held for its doubtful sidecar; `item` has a newer."""
    if not rules.only_beside(item.evidence):
        return
    for twin in journal.items.twins(item):
        is_same_file = (twin.source, twin.name) == (item.source, item.name)
        if is_same_file and twin.state is ItemState.HELD and not twin.identity:
            yield from [twin] if former_of(journal, twin) else []


def _is_listed(item: Item) -> bool:
    """Whether one of its sidecars is a list of many images: others change it, not its own line."""
    image = PurePosixPath(item.name)
    return not all(is_named_like(PurePosixPath(sidecar), image) for sidecar in item.sidecars)


def _was_told(before: Item, item: Item, words: frozenset[tuple[str, str]]) -> bool:
    """Whether what `words` say of `item` was said of `before`.

    By the very same file, one word is enough, and none is needed of what was never read; by a list
    that grew, its line is the old one only where all of them are the same.
    """
    told = rules.beside(before.evidence)
    if set(before.sidecars.values()) & set(item.sidecars.values()):
        return not before.evidence.claims or bool(words & told)
    return words <= told
