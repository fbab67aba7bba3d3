"""What is kept of a PID 1 that sleeps: all that it knows of its life so far, beside its words, its environment and its files.

It sleeps where nothing has been asked of it but to forward signals, so that is little. In the static binary alone.
"""

from pyinit.record import Record


class Kept(Record):
    """What a Supervisor goes on with: `folder` as its parameter, all else as its fields.

    `page` is a descriptor, or None; `there` is as in rest.Rest.
    """

    started_at: float = 0.0
    page: int | None = None
    sequence: int = 0
    orphans: int = 0
    folder: str = "/"
    oom_counter: str = ""
    oom_kills: int = 0
    counters_at_start: bytes = b""
    there: dict[int, int] = {}  # noqa: RUF012 - nobody changes it


def to_bytes(kept: Kept) -> bytes:
    """PURE. Neither a path nor a text of the kernel's holds a zero byte."""
    page = -1 if kept.page is None else kept.page
    numbers = (repr(kept.started_at), page, kept.sequence, kept.orphans, kept.oom_kills)
    parts = [str(number).encode() for number in numbers]
    parts += [path.encode("utf-8", "surrogateescape") for path in (kept.folder, kept.oom_counter)]
    there = b",".join(b"%d:%d" % each for each in kept.there.items())
    return b"\0".join([*parts, kept.counters_at_start, there])


def from_bytes(text: bytes, orphans: int) -> Kept:
    """PURE. What to_bytes() was given; so many more orphans have been reaped since."""
    started_at, page, sequence, before, kills, folder, counter, counters, there = text.split(b"\0")
    pairs = [each.split(b":") for each in there.split(b",") if each]
    return Kept(
        started_at=float(started_at),
        page=None if page == b"-1" else int(page),
        sequence=int(sequence),
        orphans=int(before) + orphans,
        folder=folder.decode("utf-8", "surrogateescape"),
        oom_counter=counter.decode("utf-8", "surrogateescape"),
        oom_kills=int(kills),
        counters_at_start=counters,
        there={int(signum): int(who) for signum, who in pairs},
    )
