"""Owns putting a network in force: files for systemd-networkd and others, rules, names.

Before the network starts at boot only the files are written; later its programs are told.
"""

from __future__ import annotations

import fcntl
import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance import __version__, durable
from appliance.box import networkd
from appliance.box.network import Network, toml
from appliance.box.state import FOLDER

RUN = Path("/run")
RULES = "rules.nft"
AUTHORITIES = "ca.pem"
_OWN = "box"
_SECRET = frozenset({networkd.WIRED, networkd.WIRELESS})
_SERVICES = {
    networkd.TIME: "systemd-timesyncd.service",
    networkd.WIRED: "jembatan-8021x.service",
    networkd.WIRELESS: "jembatan-wifi.service",
}
"""Who reads a file once, when it starts."""

Tool = Callable[..., str]
"""Runs a program of the system: its name and words. Raises ToolFailed."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are: the box's own folder, what lasts until the next start."""

    root: Path
    run: Path = RUN

    @property
    def own(self) -> Path:
        """What root keeps on the data partition."""
        return self.root / _OWN

    @property
    def told(self) -> Path:
        """What everybody may read."""
        return self.run / FOLDER


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Nobody else changes the network meanwhile."""
    _folder(places.told)
    with (places.told / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write(places: Places, network: Network) -> frozenset[str]:
    """Have the files below /run say that; the names of those that are not as before."""
    _folder(places.told)
    wanted = networkd.files(network, places.own)
    changed = {name for name, text in wanted.items() if _put(places.run, name, text)}
    for pattern in networkd.FILES:
        for path in places.run.glob(pattern):
            name = str(path.relative_to(places.run))
            if name not in wanted:
                path.unlink()
                changed.add(name)
    _write_authorities(places, network)
    _write_keys(places, network)
    return frozenset(changed)


def tell(changed: frozenset[str], before: Network, tool: Tool) -> None:
    """Have the programs that run already do what their files now say. Raises ToolFailed."""
    if any(name.startswith(networkd.UNITS) for name in changed):
        if before.lan.vlan and f"{networkd.UNITS}/50-jembatan-vlan.netdev" in changed:
            _without_device(before.lan.interface, tool)
        tool("networkctl", "reload")
    for name in sorted(changed & _SERVICES.keys()):
        tool("systemctl", "restart", _SERVICES[name])


def rename(hostname: str) -> None:
    """Give the machine its name; who tells it to the network notices."""
    if socket.gethostname() != hostname:
        socket.sethostname(hostname)


def enforce(places: Places, network: Network, tool: Tool) -> bool:
    """Have the kernel obey the rules for the settings in force; whether they are others now.

    Raises ToolFailed: the rules are then as they were.
    """
    key = _key(places.root, network)
    known = _text(places.told / RULES)
    if known.startswith(key):
        return False
    kept = places.own / RULES
    rules = _text(kept)
    if not rules.startswith(key):
        rules = f"{key}\n{_made(places.root, network)}"
    _load(places.told / RULES, rules, tool)
    if places.own.is_dir() and _text(kept) != rules:
        durable.publish(kept, rules.encode(), 0o600)
    return rules.partition("\n")[2] != known.partition("\n")[2]


def _load(path: Path, rules: str, tool: Tool) -> None:
    new = path.with_suffix(".new")
    new.write_text(rules)
    tool("nft", "--file", str(new))
    durable.publish(path, rules.encode(), 0o600)
    new.unlink()


def _made(root: Path, network: Network) -> str:
    """Only where they are not known yet: reading the settings takes its time on a small board."""
    from appliance.box.firewall import rules  # noqa: PLC0415 - see above
    from appliance.settings.current import Current  # noqa: PLC0415 - see above

    return rules(Current(root).get(), network)


def _key(root: Path, network: Network) -> str:
    """What the rules are made of, as their first line."""
    digest = hashlib.sha256(f"{__version__}\n{toml(network)}".encode())
    makers = (root / "etc" / "jembatan.toml", Path(__file__).with_name("firewall.py"))
    for path in makers:
        digest.update(path.read_bytes() if path.exists() else b"")
    return f"# {digest.hexdigest()}"


def _folder(path: Path) -> None:
    """A folder that networkd and others, which are users of their own, may look into."""
    if not path.is_dir():
        path.mkdir(parents=True)
        path.chmod(0o755)  # whatever the umask


def _put(run: Path, name: str, text: str) -> bool:
    """Write a file that lasts until the next start; whether it says anything new."""
    path = run / name
    if _text(path) == text:
        return False
    _folder(path.parent)
    durable.publish(path, text.encode(), 0o600 if name in _SECRET else 0o644)
    return True


def _write_authorities(places: Places, network: Network) -> None:
    """Whom the hospital trusts, for every service to read (SSL_CERT_FILE)."""
    files = (places.own / "ca" / name for name in network.ca)
    content = b"".join(file.read_bytes() for file in files if file.exists())
    path = places.told / AUTHORITIES
    if content:
        durable.publish(path, content, 0o644)
    else:
        path.unlink(missing_ok=True)


def _write_keys(places: Places, network: Network) -> None:
    """Who may log in by SSH, which runs only where this file is."""
    path = places.own / "ssh" / "authorized_keys"
    content = "".join(f"{key}\n" for key in network.ssh_keys)
    if content and _text(path) != content:
        durable.publish(path, content.encode(), 0o600)
    elif not content and path.exists():
        durable.remove(path)


def _without_device(name: str, tool: Tool) -> None:
    """networkd makes devices, but takes none away that nobody asks for any more."""
    if Path("/sys/class/net", name).exists():
        tool("networkctl", "delete", name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")  # what is garbled is made anew
    except OSError:
        return ""
