"""What is assumed of processes whose masks the kernel does not tell."""

from collections.abc import Mapping
from signal import SIGHUP, SIGTERM, SIGUSR1, SIGWINCH

import pytest

from pyinit.delivery import assumed
from pyinit.kernel import processes
from pyinit.kernel.processes import Process
from tests.unit.looks import NoLook
from tests.unit.test_delivery import process


class Scripts(NoLook):
    """Knows the texts of scripts besides."""

    def __init__(self, texts: Mapping[int, str], names: Mapping[int, str] | None = None) -> None:
        super().__init__(names)
        self._texts = texts

    def script(self, pid: int) -> str:
        """As it was given."""
        return self._texts.get(pid, "")


def caught(one: Process, look: NoLook) -> list[int]:
    """The signals that a process is taken to handle, of some."""
    found = assumed.seen({one.pid: one}, look)[one.pid]
    return [signum for signum in (SIGHUP, SIGUSR1, SIGTERM, SIGWINCH, 64) if found.catches(signum)]


def test_a_program_is_taken_to_handle_all_signals() -> None:
    look = NoLook()
    assert caught(process(2, 1, "app"), look) == [SIGHUP, SIGUSR1, SIGTERM, SIGWINCH, 64]
    assert not look.sees_masks


def test_a_shell_is_taken_to_handle_what_its_script_has_a_trap_for() -> None:
    assert caught(process(2, 1, "sh"), Scripts({2: "trap 'exit 3' TERM HUP; app"})) == [SIGHUP, SIGTERM]
    assert caught(process(2, 1, "bash"), Scripts({2: "trap cleanup EXIT; app"})) == []


@pytest.mark.parametrize("name", ["sleep", "tail"])
def test_who_only_waits_dies(name: str) -> None:
    assert caught(process(2, 1, name), NoLook({2: name})) == []


def test_all_else_is_as_it_was_seen() -> None:
    one = process(2, 1, "app", is_stopped=True)
    assert assumed.seen({2: one}, NoLook())[2] == one.but(caught=assumed.ALL)


# --- whether the kernel tells -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [{"caught": [SIGTERM]}, {"ignored": [SIGTERM]}, {"blocked": [SIGTERM]}, {"image": 1}])
def test_one_process_with_anything_is_enough(monkeypatch: pytest.MonkeyPatch, known: dict[str, object]) -> None:
    monkeypatch.setattr(processes, "read", lambda _: pytest.fail("there is nothing to be looked at"))
    assert processes.tells_masks({2: process(2, 1), 3: process(3, 1, **known)})  # type: ignore[arg-type]  # one of its own


def test_linux_tells_of_us_where_nobody_handles_anything() -> None:
    assert processes.tells_masks({2: process(2, 1), 3: process(3, 1)})
    assert processes.tells_masks({})


def test_a_kernel_that_does_not_tell_what_we_block_tells_of_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "read", lambda pid: process(pid, 0, "pyinit"))
    assert not processes.tells_masks({2: process(2, 1)})
