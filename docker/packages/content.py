"""What is in a package of a distribution, whichever it is: the binary and all that belongs to it, by place below the root."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import beside

ROOT = Path(__file__).resolve().parents[2]

NAME = "pyinit"
SUMMARY = "PID 1 for containers that loses no signal"
#: An address is a must for Debian. Nobody can have this one (RFC 2606), and mail to it fails at once.
ADDRESS = "maintainers@pyinit.example"
LICENCE = "Apache-2.0"

DOCUMENTS = f"usr/share/doc/{NAME}"

DESCRIPTION = (
    (
        "Put it before the command or the start script of a container. It passes signals on to whoever handles them, above all "
        "the application below a shell, lets everybody finish, reaps zombies, and exits with the status of the command."
    ),
    (
        "It can delay a stop until load balancers have noticed, serve readiness and liveness, probe over HTTP, TCP and gRPC, "
        "and tell what a stop would do. By the names of tini, dumb-init and catatonit it takes their options."
    ),
    "The program is one static file, which holds its own CPython. It needs nothing of the system.",
)


class File(NamedTuple):
    """A file as it is installed, of root."""

    content: bytes
    mode: int = 0o644


class Source(NamedTuple):
    """What a package is made from: the binary, and what release.sh puts beside it."""

    binary: Path
    bill: Path
    licences: Path

    @property
    def architecture(self) -> str:
        """Debian's name of it."""
        return self.binary.name.rpartition("-")[2]


def source(binary: Path) -> Source:
    """The files that belong to a binary."""
    return Source(binary, binary.with_name(f"{binary.name}.cdx.json"), binary.with_name("pyinit-linux-licences.txt"))


def version() -> str:
    """Our version."""
    [found] = re.findall(r'^__version__ = "(.+)"$', (ROOT / "pyinit" / "__init__.py").read_text(), re.MULTILINE)
    return str(found)


def maintainer() -> str:
    """Who maintains it, as pyproject.toml has it, with an address."""
    [found] = re.findall(r'^maintainers = \[\{ name = "(.+)" \}\]$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return f"{found} <{ADDRESS}>"


def short(text: str) -> bytes:
    """A text, compressed; the same text gives the same bytes."""
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def linked(given: Source) -> Iterator[tuple[str, str, str]]:
    """What was linked into the binary: source package, version and licence, as the bill of materials has it."""
    for component in json.loads(given.bill.read_text())["components"]:
        upstream = re.search(r"[?&]upstream=([^&]+)", component["purl"])
        if component["purl"].startswith("pkg:deb/") and upstream:
            yield upstream[1], component["version"], component["licenses"][0]["expression"]


def licence(given: Source) -> str:
    """The licences of all that is in it, as an SPDX expression."""
    others = sorted({found for _, _, found in linked(given)})
    return " AND ".join([LICENCE, *(f"({other})" if " " in other else other for other in others)])


def files(given: Source, zsh: str) -> dict[str, File]:
    """The files by place; `zsh` is the folder in which the distribution has the completions of zsh."""
    texts = beside.files()
    return {
        f"usr/bin/{NAME}": File(given.binary.read_bytes(), 0o755),
        f"usr/{beside.MANUAL}.gz": File(short(texts[beside.MANUAL])),
        f"usr/{beside.BASH}": File(texts[beside.BASH].encode()),
        f"{zsh}/_{NAME}": File(texts[beside.ZSH].encode()),
        f"usr/{beside.FISH}": File(texts[beside.FISH].encode()),
        f"{DOCUMENTS}/CHANGELOG.md.gz": File(short((ROOT / "CHANGELOG.md").read_text())),
        f"{DOCUMENTS}/{NAME}.cdx.json.gz": File(short(given.bill.read_text())),
        f"{DOCUMENTS}/licences.txt.gz": File(short(given.licences.read_text())),
    }


def folders(found: dict[str, File]) -> list[str]:
    """The folders of these files, those above first."""
    return sorted({str(folder) for place in found for folder in Path(place).parents} - {"."})
