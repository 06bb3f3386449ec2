"""Owns what every problem is: a sentence, a stable code and a hint.

The first paragraph of a class's docstring is what the user reads, its `{facts}` filled in from
the keyword arguments the exception was raised with. `hint` says what to do about it. `code` is
the stable reason code of the contract; scripts rely on it, so it never changes.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class Problem(Exception):
    """Something went wrong that has no name yet: {what}."""

    code: ClassVar[str] = "problem"
    hint: ClassVar[str] = ""

    def __init__(self, **facts: object) -> None:
        """Keep the facts that fill the sentence."""
        self.facts = facts
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The class's first docstring paragraph on one line, its facts filled in."""
        paragraph = inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0]
        return " ".join(paragraph.split()).format(**self.facts)


class Notice(Problem):
    """{what}.

    Worth telling whoever looks; it needs nobody.
    """

    code = "notice"


class Refused(Problem):
    """{what} was refused: {why}.

    What the user asked for cannot be done; nothing was changed. The command line exits 1.
    """

    code = "refused"


class Held(Problem):
    """{name} waits for a person: {why}."""

    code = "held"


class Quarantined(Problem):
    """{name} cannot be used: {why}."""

    code = "quarantined"


class Ignored(Problem):
    """{name} was set aside: {why}."""

    code = "ignored"
