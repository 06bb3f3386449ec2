"""Owns the form of a recovery key: 125 random bits that a person can copy from paper. Pure.

Five groups of five letters and a sixth that proves them, in Crockford's base 32 (no I, L, O or U;
small letters and the letters that look like 0 and 1 are taken too). The sixth letter is a sum over
GF(32) with another weight for every place and another constant for every group, so one wrong
letter, two that changed places and two groups that changed places are all noticed, and in which
group.
"""

from __future__ import annotations

import secrets

from appliance.errors import MistypedKey

GROUPS = 5
_LETTERS = 5
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALIKE = str.maketrans("OIL", "011", " -\t\r\n_.")
_OVERFLOW, _MODULUS = 0x20, 0x25  # x^5 + x^2 + 1


def make() -> str:
    """A new key, as it is written down: five groups, dashes between."""
    groups = ([secrets.randbelow(32) for _ in range(_LETTERS)] for _ in range(GROUPS))
    return "-".join(_written(number, group) for number, group in enumerate(groups))


def read(text: str) -> str:
    """The key that a person typed, in the form of `make`. Raises MistypedKey, which says where."""
    letters = text.upper().translate(_ALIKE)
    if strange := sorted(set(letters) - set(_ALPHABET)):
        raise MistypedKey(what=f"A recovery key has no {' or '.join(strange)}")
    groups = [_values(letters[at : at + _LETTERS + 1]) for at in _starts(letters)]
    for number, (*group, proof) in enumerate(groups):
        if _proof(number, group) != proof:
            what = f"Group {number + 1} of the recovery key is mistyped"
            raise MistypedKey(what=what)
    return "-".join(_written(number, group[:-1]) for number, group in enumerate(groups))


def _starts(letters: str) -> range:
    wanted = GROUPS * (_LETTERS + 1)
    if len(letters) != wanted:
        what = f"A recovery key has {wanted} letters and digits, these are {len(letters)}"
        raise MistypedKey(what=what)
    return range(0, wanted, _LETTERS + 1)


def _values(letters: str) -> list[int]:
    return [_ALPHABET.index(letter) for letter in letters]


def _written(number: int, group: list[int]) -> str:
    return "".join(_ALPHABET[value] for value in (*group, _proof(number, group)))


def _proof(number: int, group: list[int]) -> int:
    """Horner's rule: the first letter has the highest power; the group's number goes first."""
    total = number + 1
    for value in group:
        total = _times_x(total) ^ value
    return _times_x(total)


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ _MODULUS if value & _OVERFLOW else value
