"""Owns the statement as a whole: the prose of statement.toml, and each section's tables."""

from __future__ import annotations

import tomllib
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from appliance import __version__
from appliance.desk.conformance import contexts, objects, policies, security, statuses
from appliance.desk.conformance.parts import Section, Table, markdown
from appliance.forward.confirm import TRIAL_S
from appliance.sources.callers.commitment import WAIT_FOR_PROOF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TITLE = f"Jembatan {__version__}: DICOM Conformance Statement"

_VALUES = {
    "trial_s": f"{TRIAL_S:.0f}",
    "proof_h": f"{WAIT_FOR_PROOF.total_seconds() / 3600:.0f}",
}
_TABLES: Mapping[str, Callable[[], Table]] = {
    **{
        each.__name__: each
        for each in (
            *(contexts.services, contexts.storage_table, contexts.syntax_table),
            *(policies.general, policies.numbers, policies.timeouts, policies.endings),
            *(policies.rejections, policies.patience_with_callers, policies.turned_away),
            *(statuses.of_store, statuses.of_request, statuses.of_reasons, statuses.of_find),
            *(statuses.asking, statuses.to_store, statuses.of_action, statuses.to_reasons),
            *(objects.made, objects.modules, objects.uids, objects.keys),
            *(security.profiles, security.ciphers, security.letters),
        )
    },
    **{
        each.activity: partial(contexts.of_activity, each)
        for each in (*contexts.proposed(), *contexts.accepted())
    },
}


@cache
def statement() -> tuple[Section, ...]:
    """All of it; the same for every box of this version."""
    prose = resources.files(__package__).joinpath("statement.toml").read_text(encoding="utf-8")
    return tuple(map(_section, tomllib.loads(prose)["section"]))


def text() -> str:
    """All of it as plain text."""
    return markdown(TITLE, statement())


def _section(entry: Mapping[str, Any]) -> Section:
    paragraphs = entry.get("text", "").format_map(_VALUES).strip().split("\n\n")
    return Section(
        entry["number"],
        entry["title"],
        tuple(" ".join(each.split()) for each in paragraphs if each),
        tuple(_TABLES[name]() for name in entry.get("tables", ())),
    )
