"""A stop request while a shell is about to start somebody: the application hears of it once, and nobody waits for what is lost.

For every shell, and each of the moments of tests/live/frozen.py: whoever is in it stays there until pyinit has looked so often
that the log tells of it, as on a machine that is very busy.
"""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.conftest import Start
from tests.live.forms import SOURCE
from tests.live.frozen import BORN, EXEC, FORK, Freezer
from tests.namespace import Namespace, need

pytestmark = pytest.mark.forms(SOURCE)  # what is tried here is the rule, and not how pyinit was built

SHELLS = ["dash", "bash", "busybox sh", "mksh", "ksh93", "zsh", "yash"]

#: Whoever becomes a program without a handler for a moment may be found just then, so the application is a script that starts
#: nobody: PID 1 waits until it sleeps.
APPLICATION = """#!/bin/dash
trap 'echo app got SIGTERM; exit 7' TERM
echo app ready
read -r word <FOLDER/never
"""

#: One that has no handler and finishes by a word.
SERVER = """#!/bin/dash
echo server ready
read -r word <FOLDER/words
echo server saved
"""

Stop = Callable[[str, str], Namespace]


@pytest.fixture(params=SHELLS)
def interpreter(request: pytest.FixtureRequest) -> str:
    """A shell, as it stands behind `#!`."""
    name, *rest = str(request.param).split()
    need(name)
    return " ".join([shutil.which(name) or name, *rest])


@pytest.fixture
def stop(start: Start, tmp_path: Path, interpreter: str) -> Stop:
    """A function that starts a script of these lines, and has it stopped in a moment that comes after `GO`."""
    need("strace")
    for name, text in (("app", APPLICATION), ("server", SERVER)):
        (tmp_path / name).write_text(text.replace("FOLDER", str(tmp_path)))
        (tmp_path / name).chmod(0o755)
    for name in ("never", "words", "go"):
        os.mkfifo(tmp_path / name)

    def stop_it(lines: str, moment: str) -> Namespace:
        path = tmp_path / "start.sh"
        text = lines.replace("GO", "echo waits\nread -r word <FOLDER/go").replace("FOLDER", str(tmp_path))
        path.write_text(f"#!{interpreter}\n{text}\n")
        path.chmod(0o755)
        namespace = start("--", str(path))
        namespace.wait_for_output("waits\n")
        (shell,) = namespace.processes()
        with Freezer(namespace, shell.pid, moment) as freezer:
            (tmp_path / "go").write_text("go\n")
            freezer.wait()
            namespace.signal(signal.SIGTERM)
            namespace.wait_for_log("looked at again: ")
        return namespace

    return stop_it


@pytest.mark.parametrize("moment", [FORK, BORN, EXEC])
def test_a_job_that_its_script_leaves_behind_is_told_however_early_the_stop_comes(stop: Stop, moment: str) -> None:
    assert stop("trap 'exit 0' TERM\nGO\n/bin/sleep 1000 & wait", moment).wait() == 0


@pytest.mark.parametrize("moment", [FORK, BORN, EXEC])
def test_a_subshell_that_its_script_leaves_behind_is_told_however_early_the_stop_comes(stop: Stop, moment: str) -> None:
    assert stop("trap 'exit 0' TERM\nGO\n(/bin/sleep 1000; echo no) & wait", moment).wait() == 0


@pytest.mark.parametrize("moment", [FORK, BORN, EXEC])
def test_an_application_hears_its_shell_which_passes_the_signal_on(stop: Stop, moment: str) -> None:
    namespace = stop("trap 'kill -TERM $p; wait $p; exit 3' TERM\nGO\nFOLDER/app & p=$!\nwait $p", moment)
    namespace.wait()
    assert namespace.stdout == "waits\napp ready\napp got SIGTERM\n"


@pytest.mark.parametrize("moment", [FORK, BORN, EXEC])
def test_a_trap_that_stops_its_server_by_a_word_finds_it_alive(stop: Stop, moment: str) -> None:
    namespace = stop("trap 'echo stop >FOLDER/words; wait; exit 3' TERM\nGO\nFOLDER/server & wait", moment)
    assert (namespace.wait(), namespace.stdout) == (3, "waits\nserver ready\nserver saved\n")


@pytest.mark.parametrize("moment", [FORK, EXEC])  # of a vfork() there is no call between the two
@pytest.mark.parametrize("beginning", ["", "trap 'echo trap' TERM\n"], ids=["no trap", "a trap"])
def test_an_application_in_the_foreground_is_told_once_and_the_last_lines_run(stop: Stop, beginning: str, moment: str) -> None:
    namespace = stop(f"{beginning}GO\nFOLDER/app\nr=$?\necho last line $r\nexit $r", moment)
    assert namespace.wait() == 7
    trap = "trap\n" if beginning else ""
    assert namespace.stdout == f"waits\napp ready\napp got SIGTERM\n{trap}last line 7\n"


@pytest.mark.parametrize("moment", [FORK, BORN, EXEC])
def test_an_application_in_the_background_is_told_once_and_the_last_lines_run(stop: Stop, moment: str) -> None:
    namespace = stop("GO\nFOLDER/app & p=$!\nwait $p\nr=$?\necho last line $r\nexit $r", moment)
    assert (namespace.wait(), namespace.stdout) == (7, "waits\napp ready\napp got SIGTERM\nlast line 7\n")


@pytest.mark.parametrize("interpreter", [shell for shell in SHELLS if shell != "zsh"], indirect=True)  # it waits for its child
@pytest.mark.parametrize("moment", [BORN, EXEC])
def test_a_job_of_a_script_that_has_ended_by_itself_is_told_when_it_is_somebody(
    start: Start, tmp_path: Path, interpreter: str, moment: str
) -> None:
    need("strace")
    os.mkfifo(tmp_path / "go")
    lines = f"trap 'exit 3' TERM\necho waits\nread -r word <{tmp_path}/go\n/bin/sleep 1000 &\nexit 4"
    namespace = start("--", *interpreter.split(), "-c", lines)
    namespace.wait_for_output("waits\n")
    (shell,) = namespace.processes()
    with Freezer(namespace, shell.pid, moment) as freezer:
        (tmp_path / "go").write_text("go\n")
        freezer.wait()
        namespace.wait_for_log("looked at again: ")
    assert namespace.wait() == 4
