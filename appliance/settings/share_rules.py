"""Owns what must fit together in the settings of network shares. Pure.

One Samba serves each interface of the box; what it can and cannot do decides most of this.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from appliance.settings.links import ShareLink
from appliance.settings.reader import Fault, label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.settings.schema import Settings

_HOSTED_KEYS = ("path", "smb1", "ntlmv1", "hosts", "interface")
_MOUNTED_KEYS = ("version", "domain")
_SAMBAS_OWN_NAMES = frozenset({"global", "homes", "printers"})


def _shares(settings: Settings) -> list[tuple[str, ShareLink]]:
    """Every share, and how a fault calls it."""
    numbered = enumerate(settings.sources, 1)
    return [(label("source", n, s.name), s) for n, s in numbered if isinstance(s, ShareLink)]


def _hosted(settings: Settings) -> list[tuple[str, ShareLink]]:
    return [(place, share) for place, share in _shares(settings) if share.hosted]


def shares_have_one_side(settings: Settings) -> Iterator[Fault]:
    """A share is of this box or of another machine; each side has its own keys."""
    for place, share in _shares(settings):
        if share.hosted == bool(share.mount):
            yield Fault(place, "needs either hosted = true or a mount such as //10.0.0.7/export")
        for key in _HOSTED_KEYS if share.mount else _MOUNTED_KEYS:
            if getattr(share, key):
                reason = "does not go with mount" if share.mount else "goes with mount only"
                yield Fault(f"{place}.{key}", reason)


def users_have_passwords(settings: Settings) -> Iterator[Fault]:
    """A user without a password would be a guest by another name."""
    for place, share in _shares(settings):
        if bool(share.user) != bool(share.password):
            key, other = ("password", "user") if share.user else ("user", "password")
            yield Fault(f"{place}.{key}", f"is missing; {other} needs it")


def shares_can_be_named(settings: Settings) -> Iterator[Fault]:
    """Samba knows no quoting: names and folders that it would read otherwise are refused."""
    for place, share in _hosted(settings):
        if share.name.lower() in _SAMBAS_OWN_NAMES:
            yield Fault(f"{place}.name", f'"{share.name}" means something else to Samba')
        path = share.path
        if not path.isprintable() or path != path.strip() or re.search(r'[%"]|\\$', path):
            reason = "must be without %, quotes, control characters, an outer space or backslash"
            yield Fault(f"{place}.path", reason)


def users_are_one_each(settings: Settings) -> Iterator[Fault]:
    """Samba knows a user once, and takes capitals for small letters."""
    seen: dict[str, ShareLink] = {}
    for place, share in _hosted(settings):
        first = seen.setdefault(share.user.lower(), share)
        if (first.user, first.password) != (share.user, share.password):
            reason = f'is also the user of "{first.name}", with another password or spelling'
            yield Fault(f"{place}.user", reason)


def interfaces_are_of_one_kind(settings: Settings) -> Iterator[Fault]:
    """SMB1 and NTLMv1 are switched for a whole interface; an old modality needs one of its own."""
    seen: dict[str, ShareLink] = {}
    hosted = _hosted(settings)
    for place, share in hosted:
        first = seen.setdefault(share.interface, share)
        if (first.smb1, first.ntlmv1) != (share.smb1, share.ntlmv1):
            reason = f'and ntlmv1 must be as in "{first.name}", or its interface another one'
            yield Fault(f"{place}.smb1", reason)
        if not share.interface and any(other.interface for _, other in hosted):
            yield Fault(f"{place}.interface", "is missing; once one share names its own, all do")


def old_sharing_is_fenced(settings: Settings) -> Iterator[Fault]:
    """What anybody can alter on the way is at least not offered to everybody."""
    for place, share in _hosted(settings):
        if (share.smb1 or share.ntlmv1) and not (share.interface or share.hosts):
            key = "smb1" if share.smb1 else "ntlmv1"
            reason = "needs an interface of the modality's own, or its address in hosts"
            yield Fault(f"{place}.{key}", reason)


SHARE_RULES: tuple[Callable[[Settings], Iterator[Fault]], ...] = (
    shares_have_one_side,
    users_have_passwords,
    shares_can_be_named,
    users_are_one_each,
    interfaces_are_of_one_kind,
    old_sharing_is_fenced,
)
