"""Owns tag edits: what a profile's and a destination's tables make of the values. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from appliance.errors import BadValue
from appliance.settings.keywords import UIDS
from appliance.settings.values import FIELD

if TYPE_CHECKING:
    from collections.abc import Mapping


class Edits(Protocol):
    """The tables of a profile or a destination, by keyword."""

    @property
    def remove(self) -> tuple[str, ...]:
        """Which values are taken away."""

    @property
    def copy(self) -> Mapping[str, str]:
        """Where each value is taken from."""

    @property
    def template(self) -> Mapping[str, str]:
        """Texts with the keywords of other values in braces."""

    @property
    def map(self) -> Mapping[str, Mapping[str, str]]:
        """Old values, and the new one for each."""

    @property
    def set(self) -> Mapping[str, str]:
        """Values, whatever was there."""


def changes(said: Mapping[str, str], edits: Edits | None) -> dict[str, str]:
    """What edits change of the values that are `said`; "" is a value that is taken away.

    Copies and templates take what was there before all of these edits, so that values can be
    moved and exchanged; where that is empty they do nothing. Raises BadValue for a UID.
    """
    if edits is None:
        return {}
    new = dict.fromkeys(edits.remove, "")
    new |= {to: said[source] for to, source in edits.copy.items() if said.get(source)}
    new |= {k: text for k, form in edits.template.items() if (text := _filled(form, said))}
    new |= _mapped({**said, **new}, edits.map)
    new |= edits.set
    # Sameness hangs on UIDs.
    for keyword in sorted(UIDS & new.keys()):
        raise BadValue(keyword=keyword, value=new[keyword], why="UIDs are not set by hand")
    return {keyword: value for keyword, value in new.items() if value != said.get(keyword, "")}


def _filled(form: str, said: Mapping[str, str]) -> str:
    if not all(said.get(keyword) for keyword in FIELD.findall(form)):
        return ""
    return FIELD.sub(lambda field: said[field[1]], form)


def _mapped(said: Mapping[str, str], tables: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Trailing spaces and empty components of a name make no difference (PS3.5 6.2)."""
    plain = {keyword: said.get(keyword, "").rstrip("^ ") for keyword in tables}
    return {k: table[plain[k]] for k, table in tables.items() if plain[k] in table}
