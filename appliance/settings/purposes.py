"""Owns that what was for real patients never is for tests under the same name; pure.

Their images may still wait under that name, and what a practice PACS confirms would count as
proof that they are safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import BackToTests
from appliance.settings.reader import read
from appliance.settings.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.settings.schema import Settings


def must_stay(settings: Settings, earlier: Iterable[str]) -> None:
    """What these settings have for tests was for tests when last there. Raises BackToTests.

    `earlier` are the texts before them, newest first; no more of them are read than needed.
    """
    asked = {place for place, now in _purposes(settings).items() if now is Environment.TEST}
    texts = iter(earlier)
    while asked and (text := next(texts, None)) is not None:
        before = _purposes(read(text)[0])
        for kind, name in sorted(asked & before.keys()):
            if before[kind, name] is Environment.PRODUCTION:
                raise BackToTests(kind=kind, name=name)
        asked -= before.keys()


def _purposes(settings: Settings) -> Mapping[tuple[str, str], Environment]:
    """What each is for, by kind and name."""
    destinations = {("destination", d.name): d.environment for d in settings.destinations}
    return destinations | {("worklist", w.name): w.environment for w in settings.worklists}
