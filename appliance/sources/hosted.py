"""Owns which folders of this box are network shares that modalities write into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from appliance.settings.links import ShareLink

if TYPE_CHECKING:
    from appliance.journal.session import Paths
    from appliance.settings.schema import Settings


def hosted(settings: Settings) -> tuple[ShareLink, ...]:
    """The shares that the settings ask this box to offer."""
    return tuple(s for s in settings.sources if isinstance(s, ShareLink) and s.hosted)


def hosted_folder(link: ShareLink, paths: Paths) -> Path:
    """Where the files of a share of this box lie."""
    return Path(link.path) if link.path else paths.shares / link.name
