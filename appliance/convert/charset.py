"""Owns reading text in the character set it was declared in (PS3.5 6.1.2), or not at all."""

from __future__ import annotations

import warnings

from pydicom.charset import convert_encodings, decode_bytes

_PN_DELIMITERS = {ord("^")}
_TEXT_DELIMITERS = {ord(each) for each in "\r\n\t\f"}


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
