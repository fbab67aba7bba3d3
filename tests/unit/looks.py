"""A closer look at processes that are none: what a test says of them, and nothing else."""

from collections.abc import Mapping
from types import MappingProxyType

from pyinit.kernel.processes import SHELLS, Look


class NoLook(Look):
    """Tells shells by their names, and the names as command lines; of all else it knows what it was given, by PID."""

    #: What a closer look at a mask tells.
    mask: bool | None = False
    #: And of one of whom it is known how long it had run before.
    mask_by_run: Mapping[bytes, bool] = MappingProxyType({})

    def __init__(self, names: Mapping[int, str] | None = None) -> None:
        super().__init__()
        self._names = names or {}

    def words(self, pid: int) -> tuple[str, ...]:
        return (self._names[pid],) if pid in self._names else ()

    def sleeps_in(self, pid: int) -> str:
        return ""

    def ran(self, pid: int) -> bytes:
        return b""

    def reads_from(self, pid: int) -> str:
        return ""

    def opened(self, pid: int) -> str:
        return ""

    def writes_to(self, pid: int) -> frozenset[str]:
        return frozenset()

    def script(self, pid: int) -> str:
        return ""

    def done(self, pid: int) -> str:
        return ""

    def blocks(self, pid: int, signum: int, ran: bytes = b"") -> bool | None:
        return self.mask_by_run.get(ran, self.mask)

    def shell(self, pid: int) -> str:
        return self._names.get(pid, "")

    def is_shell(self, pid: int, name: str) -> bool:
        return name in SHELLS
