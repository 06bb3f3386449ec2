"""Owns what is worth telling though all works: it needs nobody yet, but is a risk. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from appliance.errors import CertificateEnded, CertificateEnding, ClockNotSet, OldSharing
from appliance.journal.certificates import Holder
from appliance.settings.links import ShareLink

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from appliance.clock import Clock
    from appliance.errors import Notice
    from appliance.journal.certificates import Paper
    from appliance.settings.schema import Settings

_SMB1 = "SMB1 (the sharing of Windows XP)"
_NTLM1 = "NTLMv1 (the passwords of Windows XP)"
PAGE = Holder("box", "page", "ours")
"""Whose certificate the page's is."""

_ENDS_SOON = timedelta(days=30)


def notices(settings: Settings, clock: Clock, papers: Iterable[Paper]) -> tuple[Notice, ...]:
    """What whoever looks at the box should know of its settings, its clock, its certificates."""
    if not clock.is_sure():
        return (ClockNotSet(), *_old_sharing(settings))  # and no day can be compared
    return (*_old_sharing(settings), *_endings(papers, clock.utc()))


def _old_sharing(settings: Settings) -> Iterator[Notice]:
    for source in settings.sources:
        if isinstance(source, ShareLink) and (old := _old_ways(source)):
            yield OldSharing(name=source.name, what=" and ".join(old))


def _old_ways(share: ShareLink) -> list[str]:
    smb1 = share.smb1 if share.hosted else share.version == "1.0"
    return [_SMB1] * smb1 + [_NTLM1] * share.ntlmv1


def _endings(papers: Iterable[Paper], now: datetime) -> Iterator[Notice]:
    """Certificates that end within a month, or did."""
    for paper in papers:
        if paper.not_after - now <= _ENDS_SOON:
            problem = CertificateEnded if paper.not_after <= now else CertificateEnding
            day = paper.not_after.date().isoformat()
            yield problem(whose=_whose(paper.holder), day=day)


def _whose(holder: Holder) -> str:
    if holder == PAGE:
        return "this box's page"
    if holder.kind == "box":
        return "this box"
    return holder.name if holder.side == "theirs" else f"this box for {holder.name}"
