"""Owns which services the settings want that come, and leave, by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.settings.links import ReceiverLink
from appliance.sources.hosted import hosted

if TYPE_CHECKING:
    from appliance.settings.schema import Settings


def wanted(settings: Settings) -> list[str]:
    """The services that only some settings need, but for the one that wants root."""
    receivers = any(isinstance(source, ReceiverLink) for source in settings.sources)
    is_called = receivers or bool(settings.calling_back)
    return ["receive"] * is_called + ["share"] * bool(hosted(settings))
