"""Owns marks: what stands in a support bundle in the place of a word that somebody typed.

The same word has the same mark within one bundle, so that it can be seen what belongs together;
the key of it is made anew for each bundle and kept nowhere, so that no mark can be tried out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

_LENGTH = 6


class Marks:
    """The marks of one bundle."""

    def __init__(self) -> None:
        """With a key of their own."""
        self._key = secrets.token_bytes(32)

    def of(self, text: str) -> str:
        """The mark of a word; "" for none."""
        if not text:
            return ""
        digest = hmac.new(self._key, text.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"~{digest.hexdigest()[:_LENGTH]}"
