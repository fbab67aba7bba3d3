"""Where /proc does not tell who handles a signal: everybody gets it at once, and nobody is lost for it."""

import signal
import sys
from collections.abc import Callable

import pytest

from tests.live.conftest import Start
from tests.namespace import UNSHARE, WITH_PROC, after, need_another_user

UNTOLD = "/proc does not tell"

#: Namespaces whose /proc is missing, or is that of our parent.
WITHOUT = {
    "no /proc": after("mount -t tmpfs none /proc || exit 99"),
    "another's /proc": UNSHARE,
}

#: A user that hidepid binds; the right to read anything is kept, so that the checkout may lie anywhere.
USER = "setpriv --reuid 12345 --regid 12345 --clear-groups --inh-caps +dac_read_search --ambient-caps +dac_read_search"


@pytest.fixture(params=WITHOUT)
def without(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """A namespace without a /proc that tells."""
    return WITHOUT[request.param]


def test_an_application_is_told_once_and_finishes(start: Start, without: tuple[str, ...]) -> None:
    namespace = start("--", sys.executable, "-IS", "tests/app.py", unshare=without)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"
    assert UNTOLD in namespace.stderr


def test_an_application_below_a_start_script_finishes(
    start: Start, script: Callable[[str], str], without: tuple[str, ...]
) -> None:
    namespace = start("--", script("APP\nexit 3"), unshare=without)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 143  # of the script
    assert "app done" in namespace.stdout


def test_a_signal_that_is_no_stop_request_reaches_the_application(start: Start, without: tuple[str, ...]) -> None:
    namespace = start("--", sys.executable, "-IS", "tests/app.py", "--on", "TERM,USR1", unshare=without)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGUSR1)
    namespace.wait_for_output("app got SIGUSR1")


def test_what_is_left_is_killed_when_the_time_is_over(start: Start, without: tuple[str, ...]) -> None:
    stubborn = "trap '' TERM; setsid sleep 1000 & echo left; exit 3"
    namespace = start("--sweep-timeout", "0.3", "--", "sh", "-c", stubborn, unshare=without)
    assert namespace.wait() == 3
    assert "SIGKILL" in namespace.stderr


@pytest.mark.parametrize("hidepid", ["1", "2", "4"])
def test_processes_of_its_own_user_are_seen_where_others_are_hidden(
    start: Start, script: Callable[[str], str], hidepid: str
) -> None:
    need_another_user()
    hidden = after(f'mount -t proc -o hidepid={hidepid} none /proc || exit 99\nexec {USER} "$@"')
    namespace = start("--", script("APP\nexit 3"), unshare=hidden)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() == 3
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"


@pytest.mark.parametrize("hidepid", ["1", "2"])
def test_an_application_of_another_user_that_is_hidden_is_told_all_the_same(
    start: Start, script: Callable[[str], str], hidepid: str
) -> None:
    need_another_user()
    without_ptrace = "setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace"
    hidden = after(f'mount -t proc -o hidepid={hidepid} none /proc || exit 99\nexec {without_ptrace} "$@"', WITH_PROC)
    namespace = start("--", script(f"{USER} APP\nexit 3"), unshare=hidden)
    namespace.wait_for_output("app ready")
    namespace.signal(signal.SIGTERM)
    assert namespace.wait() in (3, 143)
    assert namespace.stdout.startswith("app ready\napp got SIGTERM\n")
    assert namespace.stdout.endswith("app done\n")
