"""Owns what is worth telling of settings in order: it needs nobody, but is a risk. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.errors import OldSharing
from appliance.settings.links import ShareLink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.errors import Notice
    from appliance.settings.schema import Settings

_SMB1 = "SMB1 (the sharing of Windows XP)"
_NTLM1 = "NTLMv1 (the passwords of Windows XP)"


def notices(settings: Settings) -> tuple[Notice, ...]:
    """What whoever looks at the box should know of its settings."""
    return tuple(_old_sharing(settings))


def _old_sharing(settings: Settings) -> Iterator[Notice]:
    for source in settings.sources:
        if isinstance(source, ShareLink) and (old := _old_ways(source)):
            yield OldSharing(name=source.name, what=" and ".join(old))


def _old_ways(share: ShareLink) -> list[str]:
    smb1 = share.smb1 if share.hosted else share.version == "1.0"
    return [_SMB1] * smb1 + [_NTLM1] * share.ntlmv1
