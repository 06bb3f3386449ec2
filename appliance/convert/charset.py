"""Owns which character set a text really is in: the declared one, or the one the profile assumes.

A profile's `charset` counts where none is declared, or where the declared one is plainly untrue.
"""

from __future__ import annotations

import re
from contextlib import suppress

from appliance.letters import decoded

_WITHOUT_C1 = re.compile(r"ISO_IR 1(?!92)\d\d|ISO 2022 IR 1\d\d|ISO_IR 13|ISO 2022 IR 13|")
_CONTROLS = re.compile(rb"[\x80-\x9f]")
_LATIN = re.compile(r"(ISO_IR|ISO 2022 IR) (100|101|109|110|148)")
_WORDS = re.compile(rb"[^\x00-\x40\\^`|~]+")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]{2,}")


def understood(content: bytes, declared: str, vr: str, assumed: str) -> tuple[str, bool]:
    """Text of a value, and whether it is `assumed` (a codec; "": none) instead of as declared.

    Raises ValueError where it is neither; never puts a "?".
    """
    if not assumed:
        return decoded(content, declared, vr), False
    text = None if _is_untrue(content, declared) else _or_none(content, declared, vr)
    if text is not None and not _is_no_latin(content, declared):
        return text, False
    with suppress(ValueError):
        return content.decode(assumed), True
    if text is None:
        message = f"it is neither of {declared or 'ASCII'} nor of {assumed}"
        raise ValueError(message)
    return text, False


def _or_none(content: bytes, declared: str, vr: str) -> str | None:
    try:
        return decoded(content, declared, vr)
    except ValueError:
        return None


def _is_untrue(content: bytes, declared: str) -> bool:
    """Sets of one byte a letter have nothing at 80 to 9F (PS3.5 6.1.2.2)."""
    return bool(_WITHOUT_C1.fullmatch(declared) and _CONTROLS.search(content))


def _is_no_latin(content: bytes, declared: str) -> bool:
    """Whether a word of what is declared Latin has accented letters only, as no such word has.

    That is how a Chinese or Russian name looks that a device has labelled ISO_IR 100.
    """
    words = _WORDS.findall(content) if _LATIN.fullmatch(declared) else []
    return any(_BEYOND_ASCII.fullmatch(word) for word in words)
