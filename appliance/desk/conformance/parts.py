"""Owns what a statement is made of, and how it is written as plain text (Markdown)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title and the names of its columns."""

    title: str
    head: Row
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A section by its number in the structure of PS3.2: paragraphs, then tables."""

    number: str
    title: str
    texts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def depth(self) -> int:
        """1 for a chapter."""
        return self.number.count(".") + 1


def markdown(title: str, sections: Iterable[Section]) -> str:
    """The whole document as plain text that is Markdown too."""
    return "\n".join([f"# {title}", "", *(line for each in sections for line in _lines(each))])


def _lines(section: Section) -> Iterator[str]:
    yield from (f"{'#' * (section.depth + 1)} {section.number} {section.title}", "")
    for text in section.texts:
        yield from (text, "")
    for table in section.tables:
        yield from (f"**{table.title}**", "", _row(table.head), _row("---" for _ in table.head))
        yield from (*map(_row, table.rows), "")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
