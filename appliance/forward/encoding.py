"""Owns how objects are encoded for a destination: what is offered, and what is made anew; pure.

Nothing is ever made lossy. What a destination refuses, though it takes the same kind of object
uncompressed, is unpacked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from appliance.elements import EXPLICIT_LE, IMPLICIT_LE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from appliance.model import Instance

RLE_LOSSLESS = "1.2.840.10008.1.2.5"

_PLAIN = (EXPLICIT_LE, IMPLICIT_LE)
"""What is fallen back on, the better one first: it says the VR of private elements too."""

_COMPRESSED = {"rle": RLE_LOSSLESS}

_MOST_TIMES = 4
"""Who refuses today what it took yesterday, and so on, is not given in to for ever."""


class Agreed(Protocol):
    """An association, as far as it matters here."""

    def accepts(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        """Whether the peer takes that SOP class in that transfer syntax."""
        ...


def offers(contexts: Iterable[tuple[str, str]], compress: str) -> list[tuple[str, str]]:
    """What to offer where `contexts` are to be sent: each SOP class also in other syntaxes.

    `compress` is the destination's setting. Implicit VR LE is offered always (PS3.5 10.1).
    """
    wanted = list(contexts)
    more = (EXPLICIT_LE, *filter(None, [_COMPRESSED.get(compress)]))
    return list(dict.fromkeys([*wanted, *((kind, each) for kind, _ in wanted for each in more)]))


def wishes(
    instances: Sequence[Instance],
    peer: Agreed,
    compress: str,
    times: Callable[[], int] = lambda: 0,
) -> Mapping[int, str]:
    """Which instances are to be made anew, in which syntax, before any of them is sent.

    None where one of them is not taken in any way: then there is nothing to be won. `times` tells
    how often they were made anew before, for they are compressed once at most.
    """
    found = _wishes(instances, peer, compress)
    before = times() if found else 0
    if before and RLE_LOSSLESS in found.values():
        found = _wishes(instances, peer, "")
    return found if before < _MOST_TIMES else {}


def is_hopeless(sop_class_uid: str, transfer_syntax_uid: str, peer: Agreed) -> bool:
    """Whether the peer takes such objects neither as they are nor made anew."""
    ways = (transfer_syntax_uid, *_PLAIN)
    return not any(peer.accepts(sop_class_uid, each) for each in ways)


def changes(instances: Sequence[Instance], wanted: Mapping[int, str]) -> list[tuple[str, str]]:
    """From which transfer syntax to which, of all that are to be made anew."""
    return [
        (each.transfer_syntax_uid, wanted[each.number])
        for each in instances
        if each.number in wanted
    ]


def needs_pixels(before: str, after: str) -> bool:
    """Whether pixels are written otherwise, not only what stands around them."""
    return not {before, after} <= set(_PLAIN)


def _wishes(instances: Sequence[Instance], peer: Agreed, compress: str) -> dict[int, str]:
    found: dict[int, str] = {}
    for each in instances:
        wanted = _wanted(each, peer, compress)
        if wanted is None:
            return {}
        if wanted != each.transfer_syntax_uid:
            found[each.number] = wanted
    return found


def _wanted(instance: Instance, peer: Agreed, compress: str) -> str | None:
    kind, syntax = instance.sop_class_uid, instance.transfer_syntax_uid
    if not peer.accepts(kind, syntax):
        return next((each for each in _PLAIN if peer.accepts(kind, each)), None)
    packed = _COMPRESSED.get(compress, "")
    return packed if packed and syntax in _PLAIN and peer.accepts(kind, packed) else syntax
