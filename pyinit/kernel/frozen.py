"""What C does for PID 1 in the static binary, see docker/static/module.c. The package imports none of it."""

from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

if system.IS_FROZEN:
    import _pyinit  # type: ignore[import-not-found]  # of C


def started() -> int:
    """The PID of the command, where C has started it before Python has looked at anything; else 0."""
    return int(_pyinit.started())


def oom_kills_at_start() -> tuple[str, int]:
    """As system.oom_kills(), before C started the command."""
    counter, kills = system.oom_kills()
    found, text = _pyinit.counted()
    return counter, system.oom_kills_in(text) if system.decode(found) == counter else kills


def go_on_without_python(command: int, owed: int, status: int | None) -> int:
    """As last_resort.loop(), in C, where there is no memory for anything else. `owed` may be 0."""
    found: int = _pyinit.go_on(command, owed, -1 if status is None else status)
    return found


def variables(beginnings: "Iterable[bytes]") -> dict[bytes, bytes]:
    """The variables that begin in these ways, of several with one name the first, and nothing else of the environment."""
    found: dict[bytes, bytes] = {}
    for beginning in beginnings:
        for entry in _pyinit.environment(beginning):
            name, equals, value = entry.partition(b"=")
            if equals:
                found.setdefault(name, value)
    return found


def kept() -> tuple[bytes, int]:
    """What was given to sleep() when PID 1 fell asleep, and how many orphans were reaped since; nothing at a start."""
    found: tuple[bytes, int] = _pyinit.kept()
    return found


def sleep(command: int, page: int | None, place: int, orphans: int, kept: bytes) -> system.Received | None:
    """As system.wait_signal(None); but this Python ends, without a word, where it can be had back.

    C goes on waiting, and reaps who is an orphan. When anything else happens Python begins anew, as at a start, and finds what
    was `kept`. At `place` on the state page there is the count of `orphans`, in ten digits, which C keeps up to date.
    """
    found = _pyinit.sleep(command, -1 if page is None else page, place, orphans, kept)
    return None if found is None else system.taken(found)


def look_for_answer(received: int, stops: int, questions: list[tuple[int, str]]) -> list[bytes] | None:
    """Have C look at what the answer to a signal depends on; return what there is.

    A question is a kind (REST_HANDLER and so on in docker/static/rest.h) and a path. Bit n-1 of `stops` says that signal n is
    a stop request. None where C answers nothing: it cannot look at all that, or no descriptor is to spare.
    """
    found: list[bytes] | None = _pyinit.rest_look(received, stops, questions)
    return found


def answer(received: int, told: list[tuple[int, int]]) -> None:
    """Have C answer a signal by telling these (PID, or group, and signal), as long as all is as look_for_answer() has said."""
    _pyinit.rest_answer(received, told)


def forget_answers() -> None:
    """Have no signal answered by C any more."""
    _pyinit.rest_forget()
