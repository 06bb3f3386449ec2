"""Owns the sample journals: `python -m tests.data.journals.make` writes one of today's schema.

One is made with every release that changes the schema, and never again: what is in the field is
of the schema that was released. Each holds an item at every state (tests.builders.box).
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from appliance.journal.database import migrations
from tests.builders.box import Box


def main() -> None:
    """Write schemaN.sqlite beside this file."""
    with tempfile.TemporaryDirectory() as folder:
        box = Box(Path(folder))
        box.one_of_each()
        box.close()
        with closing(sqlite3.connect(box.paths.journal)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
        target = Path(__file__).with_name(f"schema{len(migrations())}.sqlite")
        shutil.copy(box.paths.journal, target)
    print(f"{target} ({target.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
