"""Owns the letters of a data set: which values are text, and reading it as it was declared."""

from __future__ import annotations

import warnings
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.datadict import dictionary_has_tag, dictionary_VR

TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Value representations that a character set rules (PS3.5 6.1.2.2)."""

CHARSET = 0x00080005

_PN_DELIMITERS = {ord("^")}
_TEXT_DELIMITERS = {ord(each) for each in "\r\n\t\f"}
_ESCAPE = 0x1B


def decoded(content: bytes, declared: str, vr: str) -> str:
    """Text of a value. Raises ValueError where it is not of that set; never puts a "?"."""
    names = [name.strip() for name in declared.split("\\")]
    if not any(names) or names == ["ISO_IR 6"]:
        return content.decode("ascii")
    with warnings.catch_warnings():
        # pydicom warns and puts replacement characters where it cannot decode.
        warnings.simplefilter("error")
        try:
            encodings = convert_encodings(names)
            if vr != "PN":
                return decode_bytes(content, encodings, _TEXT_DELIMITERS)
            groups = content.rstrip(b"=").split(b"=")
            return "=".join(decode_bytes(each, encodings, _PN_DELIMITERS) for each in groups)
        except (Warning, LookupError) as error:
            raise ValueError(str(error)) from error


def is_plain(content: bytes) -> bool:
    """Whether bytes are the same text in every character set: ASCII that escapes to no other."""
    return content.isascii() and _ESCAPE not in content


@lru_cache(1 << 12)
def vr_of(tag: int) -> str:
    """The value representation by the dictionary (PS3.6); "" where it is not there."""
    return dictionary_VR(tag) if dictionary_has_tag(tag) else ""
