"""Owns comparing two spellings of a person's name; pure. Never by likeness: that is for people.

What may differ between two spellings of one name, and nothing else:

- upper and lower case; composed and decomposed letters, full and half width (Unicode NFKC);
- what parts words: spaces, however many, commas, and the underscores of file names;
- delimiters behind the last component (`SITI^^` is `SITI`);
- delimiters at all, where one of the two has none: `DOE JANE` is `DOE^JANE`, word by word in the
  standard's order, family name first. A swapped order is another name;
- a title (the prefix component) that only one of them has;
- a component group (PS3.5 6.2.1.2) that only one of them has, as long as the alphabetic or the
  ideographic one is in both: a reading alone is shared by too many.

A mononym is one name and is never split. Letters with and without accents are different letters.
A name that was damaged on its way agrees with nothing, not even with itself.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from itertools import zip_longest

_COMPONENTS = 5
_PREFIX = 3
_PHONETIC = 2
_LOST = frozenset("?\N{REPLACEMENT CHARACTER}")
_NO_LETTERS = frozenset({"Cc", "Cn", "Co", "Cs"})  # control, unassigned, private use, surrogate


class Verdict(Enum):
    """What comparing two values shows."""

    AGREES = "agrees"
    DIFFERS = "differs"
    SILENT = "silent"  # one of them says nothing


def compare(one: str, other: str) -> Verdict:
    """Whether two values of PatientName are the same name."""
    if is_damaged(one) or is_damaged(other):
        return Verdict.SILENT
    verdicts = [
        _compare_groups(mine, theirs) for mine, theirs in zip_longest(_groups(one), _groups(other))
    ]
    if Verdict.DIFFERS in verdicts:
        return Verdict.DIFFERS
    return Verdict.AGREES if Verdict.AGREES in verdicts[:_PHONETIC] else Verdict.SILENT


def is_damaged(name: str) -> bool:
    """Whether letters were lost on the way, or were read in the wrong character set."""
    if any(char in _LOST or unicodedata.category(char) in _NO_LETTERS for char in name):
        return True
    return not name.isascii() and any(_is_utf_8_read_as(name, wrong) for wrong in _WRONG)


def words(name: str) -> tuple[str, ...]:
    """The words of a name in its first group, normal and in order, titles left out."""
    groups = [group for group in _groups(name) if group]
    return _words(groups[0]) if groups else ()


_WRONG = ("latin-1", "cp1252")


def _is_utf_8_read_as(name: str, wrong: str) -> bool:
    """Letters of a single-byte set hardly ever happen to be valid UTF-8, unless they were that."""
    try:
        name.encode(wrong).decode("utf-8")
    except UnicodeError:
        return False
    return True


_Group = tuple[str, ...]


def _groups(name: str) -> list[_Group]:
    """Component groups, each of five normal components; an empty tuple where one is empty."""
    return [_components(group) for group in _normal(name).split("=")]


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())


def _components(group: str) -> _Group:
    parts = [re.sub(r"[\s,_]+", " ", part).strip() for part in group.split("^")]
    if not any(parts):
        return ()
    return tuple(parts + [""] * (_COMPONENTS - len(parts)))


def _compare_groups(one: _Group | None, other: _Group | None) -> Verdict:
    if not one or not other:
        return Verdict.SILENT
    if one[_PREFIX] and other[_PREFIX] and one[_PREFIX] != other[_PREFIX]:
        return Verdict.DIFFERS
    same = (
        _words(one) == _words(other)
        if _is_undivided(one) or _is_undivided(other)
        else _untitled(one) == _untitled(other)
    )
    return Verdict.AGREES if same else Verdict.DIFFERS


def _is_undivided(group: _Group) -> bool:
    return not any(group[1:])


def _untitled(group: _Group) -> _Group:
    return group[:_PREFIX] + group[_PREFIX + 1 :]


def _words(group: _Group) -> tuple[str, ...]:
    return tuple(" ".join(_untitled(group)).split())
