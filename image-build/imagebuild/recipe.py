"""Owns the recipe: which packages, by purpose, which modules, how large each part may become."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from imagebuild.errors import RecipeUnclear

CHECKOUT = Path(__file__).resolve().parents[2]
HERE = CHECKOUT / "image-build"
CACHE_VARIABLE = "JEMBATAN_IMAGE_CACHE"
CACHE = Path(os.environ.get(CACHE_VARIABLE, CHECKOUT / ".cache" / "image"))
OUT = CACHE / "out"
BOARDS = ("rpi", "vm")
PYTHON = "3.13"
"""Of the suite; the wheels are chosen for it."""

_T = TypeVar("_T")

COMPILER = "compiler"
TOOLS = "tools"
PARTS = "parts"


@dataclass(frozen=True)
class Layer:
    """Packages that are installed together, for one purpose."""

    name: str
    packages: tuple[str, ...]


@dataclass(frozen=True)
class Modules:
    """Patterns of what is kept of the kernel's modules."""

    early: tuple[str, ...]
    keep: tuple[str, ...]
    drop: tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    """How large each part may become, in MB of 1,000,000 bytes."""

    root_mb: int
    modules_mb: int
    compressed_mb: int


@dataclass(frozen=True)
class Recipe:
    """The file image-build/recipe.toml."""

    suite: str
    components: tuple[str, ...]
    architecture: str
    layers: tuple[Layer, ...]
    compiler: Layer
    tools: Layer
    parts_from: tuple[str, ...]
    parts_keep: tuple[str, ...]
    firmware: tuple[str, ...]
    """Patterns of files below /usr/lib/firmware."""
    modules: Modules
    limits: Limits

    @classmethod
    def load(cls, file: Path = HERE / "recipe.toml") -> Self:
        """From its file. Raises RecipeUnclear with the key that is missing or not known."""
        table = _Table(file, "", tomllib.loads(file.read_text(encoding="utf-8")))
        modules, limits, parts = (table.table(key) for key in ("modules", "limits", PARTS))
        recipe = cls(
            suite=table.text("suite"),
            components=table.texts("components"),
            architecture=table.text("architecture"),
            layers=tuple(
                Layer(layer.text("name"), layer.texts("packages"))
                for layer in table.tables("layer")
            ),
            compiler=Layer(COMPILER, table.table(COMPILER).texts("packages")),
            tools=Layer(TOOLS, table.table(TOOLS).texts("packages")),
            parts_from=parts.texts("from"),
            parts_keep=parts.texts("keep"),
            firmware=parts.texts("firmware"),
            modules=Modules(*(modules.texts(key) for key in ("early", "keep", "drop"))),
            limits=Limits(
                *(limits.number(key) for key in ("root_mb", "modules_mb", "compressed_mb"))
            ),
        )
        table.require_known("suite", "components", "architecture", "layer", COMPILER, TOOLS)
        return recipe


_IN_WORDS = {str: "text", int: "number", list: "list", dict: "table"}


class _Table:
    """A table of the file that says which key is wrong."""

    def __init__(self, file: Path, name: str, content: dict[str, Any]) -> None:
        self._file = file
        self._name = name
        self._content = content

    def text(self, key: str) -> str:
        return self._of(key, str)

    def number(self, key: str) -> int:
        return self._of(key, int)

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._of(key, list)
        if not all(isinstance(item, str) for item in found):
            raise self._unclear(key, "a list of texts is expected")
        return tuple(found)

    def table(self, key: str) -> _Table:
        return _Table(self._file, f"{key}.", self._of(key, dict))

    def tables(self, key: str) -> list[_Table]:
        return [
            _Table(self._file, f"{key}[{number}].", item)
            for number, item in enumerate(self._of(key, list))
        ]

    def require_known(self, *keys: str) -> None:
        for key in self._content.keys() - {*keys, PARTS, "modules", "limits"}:
            raise self._unclear(key, "nothing of this name is known")

    def _of(self, key: str, kind: type[_T]) -> _T:
        found = self._content.get(key)
        if not isinstance(found, kind):
            raise self._unclear(key, f"a {_IN_WORDS[kind]} is expected")
        return found

    def _unclear(self, key: str, why: str) -> RecipeUnclear:
        return RecipeUnclear(file=self._file.name, key=self._name + key, why=why)
