"""Owns the share that tests of sources watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.builders.mounted import Share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    made = Share(tmp_path)
    yield made
    made.close()
