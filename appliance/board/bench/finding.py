"""Owns what a try on the bench comes to: good, bad, or that it cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Good, bad, or nobody can tell, which is said and never taken for good."""

    GOOD = "good"
    BAD = "bad"
    UNTOLD = "cannot be told"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: what was found, what was expected, what to do where those differ."""

    name: str
    verdict: Verdict
    found: str
    expected: str
    advice: str = ""

    def document(self) -> dict[str, str]:
        """For scripts."""
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "found": self.found,
            "expected": self.expected,
            "what_to_do": self.advice,
        }


def judged(name: str, *, good: bool, found: str, expected: str, advice: str) -> Finding:
    """Good or bad; the advice is for the bad alone."""
    verdict = Verdict.GOOD if good else Verdict.BAD
    return Finding(name, verdict, found, expected, "" if good else advice)


def untold(name: str, found: str, expected: str, advice: str) -> Finding:
    """It cannot be told, and why; the advice is how a person finds out."""
    return Finding(name, Verdict.UNTOLD, found, expected, advice)
