"""Few descriptors: where pyinit can run it runs, and where it cannot one line names the limit."""

import sys

import pytest

from tests.live.conftest import APP_WORDS, Start
from tests.live.forms import ARM64, SOURCE, STATIC
from tests.live.network import WITH_NETWORK
from tests.namespace import WITH_PROC

#: The lowest limits under which a form starts at all. Below, the loader of CPython needs more, and tells so itself. (pip's
#: script is read by /bin/sh, which keeps it open at descriptor 10: dash gives up below a limit of 11.)
LEAST = {SOURCE: 4, STATIC: 3, ARM64: 3}

#: Has this limit, and becomes a program.
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""

#: Variables that make the start need more: a pipe, a socket, two pipes; a report of a mistake; and of a missing command.
STARTS = {
    "plain": [],
    "forked": ["LISTEN_PID=1"],
    "ready": ["PYINIT_READY=tcp:80"],
    "health": ["PYINIT_HEALTH_LISTEN=9999"],
    "ready, health": ["PYINIT_READY=notify", "PYINIT_HEALTH_LISTEN=9999"],
    "mistake": ["PYINIT_SETTLE=x"],
    "entries": ["=x"],
}


@pytest.mark.forms(*LEAST)
@pytest.mark.parametrize("limit", range(3, 13))
@pytest.mark.parametrize("needs", STARTS)
def test_a_command_runs_or_one_line_says_why_not(start: Start, form: str, limit: int, needs: str) -> None:
    if limit < LEAST[form]:
        pytest.skip("the loader of CPython fails, before any code of ours")
    set_limit = (sys.executable, "-IS", "-c", LIMITED, str(limit))
    namespace = start("--", "sh", "-c", "exit 7", unshare=(*WITH_NETWORK, "env", *STARTS[needs], *set_limit))
    status = namespace.wait()
    if status == 7 or (limit == 3 and status == 127 and namespace.stderr.startswith("sh: ")):  # it needs one for its library
        assert "pyinit: error" not in namespace.stderr  # the health helper may have too few, which is a warning
        return
    assert (status, namespace.stderr.count("\n")) == (125, 1), namespace.stderr
    assert namespace.stderr.startswith("pyinit: error: ")
    assert ("RLIMIT_NOFILE" in namespace.stderr) == (needs != "mistake"), namespace.stderr


@pytest.mark.forms(*LEAST)
@pytest.mark.parametrize("more", range(2))
def test_at_the_lowest_limits_an_application_is_told_and_finishes(start: Start, form: str, more: int) -> None:
    raised = (
        "import resource, os, sys; resource.setrlimit(7, (resource.getrlimit(7)[1],) * 2); os.execv(sys.argv[1], sys.argv[1:])"
    )
    soft = LIMITED.replace("(int(sys.argv[1]),) * 2", "(int(sys.argv[1]), 64)")
    set_limit = (sys.executable, "-IS", "-c", soft, str(max(4, LEAST[form]) + more))
    namespace = start("--", sys.executable, "-IS", "-c", raised, *APP_WORDS.split(), unshare=(*WITH_PROC, *set_limit))
    namespace.wait_for_output("app ready")
    namespace.signal(15)
    assert namespace.wait() == 7
    assert namespace.stdout == "app ready\napp got SIGTERM\napp done\n"
