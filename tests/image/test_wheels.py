from __future__ import annotations

from imagebuild.wheels import LOCK, locked, parse

TEXT = """# made by uv
imagecodecs==2026.3.6 ; python_full_version < '3.12' and sys_platform == 'linux' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via jembatan (pyproject.toml)
imagecodecs==2026.10.10 ; python_full_version >= '3.12' and sys_platform == 'linux' \\
    --hash=sha256:cc
pyserial==3.5 ; sys_platform == 'win32' \\
    --hash=sha256:dd
lgpio==0.2.2.0 \\
    --hash=sha256:ee
"""


def test_what_is_for_another_python_or_system_is_left_out() -> None:
    assert [package.line for package in parse(TEXT)] == [
        "imagecodecs==2026.10.10 --hash=sha256:cc",
        "lgpio==0.2.2.0 --hash=sha256:ee",
    ]


def test_every_package_of_the_box_has_one_version_and_a_hash() -> None:
    names = [package.name for package in locked()]
    assert len(names) == len(set(names))
    assert {"flask", "numpy", "lgpio", "systemd-python"} <= set(names)
    assert all(package.hashes for package in locked())
    assert len(names) >= len(LOCK.read_text().split("\n    # via")) - 3
