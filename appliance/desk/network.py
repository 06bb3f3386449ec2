"""Owns what a person may do about the box's network: the steward tries it, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.call import ask
from appliance.errors import BadNetwork, Declined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.session import Paths

_STEWARD_S = 60.0


def change(paths: Paths, values: Mapping[str, str]) -> Mapping[str, Any]:
    """Have keys of jembatan.txt changed: {"tried", "host", "seconds"}.

    Raises BadNetwork (nothing changed), Declined, NobodyAnswers.
    """
    try:
        return _steward(paths, op="network-set", values=dict(values))
    except Declined as problem:
        if problem.code == BadNetwork.code:
            raise BadNetwork(faults=problem.sentence) from problem
        raise


def confirm(paths: Paths, host: str) -> None:
    """Keep what is tried; `host` is the address this was asked at. Raises Declined."""
    _steward(paths, op="network-confirm", host=host)


def revert(paths: Paths) -> None:
    """Give up what is tried. Raises Declined."""
    _steward(paths, op="network-revert")


def _steward(paths: Paths, **request: object) -> Mapping[str, Any]:
    return ask(paths.run / "steward.sock", request, _STEWARD_S)
