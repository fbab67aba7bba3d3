"""`docker run -it` and `docker run -i`, by the real client on a real pseudo-terminal."""

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from types import TracebackType

import pytest
from docker import DockerClient

from pyinit.rehearse.engine import remove
from tests.docker.engine import LABEL, image
from tests.waiting import PATIENCE

#: A job without a child: Ctrl-Z between vfork() and exec() of one stops the child, and its parent waits there unstoppable.
JOB = "sh -c 'echo be$((1))gun; read line'\n"

CTRL_C, CTRL_Z = "\x03", "\x1a"


def words_of_run(name: str, *options: str) -> list[str]:
    """The words of a `docker run` of the image with pyinit."""
    return ["docker", "run", "--name", name, "--label", f"{LABEL}={os.getpid()}", *options, image("app")]


class Terminal:
    """A `docker run -it`, and the person before it. A context manager: at its end the client is gone."""

    def __init__(self, name: str, *command: str) -> None:
        self._master, slave = os.openpty()
        self._client = subprocess.Popen(
            [*words_of_run(name, "--interactive", "--tty"), *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = ""
        self._seen = 0

    def enter(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Drag the window to another size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._client.send_signal(signal.SIGWINCH)

    def wait_for(self, text: str) -> None:
        """Wait until a text is shown, after the one that was waited for last."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.shown.find(text, self._seen)) < 0:
            assert self._read(deadline - time.monotonic()), f"{text!r} is not in {self.shown[self._seen :]!r}"
        self._seen = found + len(text)

    def wait(self) -> int:
        """Read on to the end; return the exit status."""
        while self._read(PATIENCE):
            pass
        return self._client.wait(PATIENCE)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            return False  # EIO: the client has closed its end
        self.shown += data.decode()
        return bool(data)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._client.kill()
        self._client.wait()
        os.close(self._master)


@pytest.fixture
def name(client: DockerClient) -> Iterator[str]:
    """A container's name; what gets it is removed after the test."""
    chosen = f"pyinit-test-{uuid.uuid4()}"
    yield chosen
    remove(client, chosen)


@pytest.fixture
def terminal(name: str) -> Iterator[Callable[..., Terminal]]:
    """A function that runs a command behind pyinit on a terminal."""
    with contextlib.ExitStack() as stack:
        yield lambda *command: stack.enter_context(Terminal(name, *command))


@pytest.fixture
def bash(terminal: Callable[..., Terminal]) -> Terminal:
    """An interactive bash at its first prompt."""
    shell = terminal("bash", "--norc")
    shell.enter("PS1='[prompt$((1))] '\n")
    shell.wait_for("[prompt1] ")
    return shell


def test_an_interactive_shell_has_job_control_and_its_exit_status_is_ours(bash: Terminal) -> None:
    bash.enter("exit 3\n")
    assert bash.wait() == 3
    assert "cannot set terminal process group" not in bash.shown
    assert "no job control" not in bash.shown
    assert "pyinit" not in bash.shown


def test_ctrl_c_reaches_the_foreground_job_alone(bash: Terminal) -> None:
    bash.enter(JOB)
    bash.wait_for("be1gun")
    bash.enter(CTRL_C)
    bash.wait_for("[prompt1] ")
    bash.enter("echo status $?\n")
    bash.wait_for("status 130")
    bash.enter("exit 4\n")
    assert bash.wait() == 4


def test_ctrl_z_stops_the_foreground_job_and_fg_continues_it(bash: Terminal) -> None:
    bash.enter(JOB)
    bash.wait_for("be1gun")
    bash.enter(CTRL_Z)
    bash.wait_for("Stopped")
    bash.wait_for("[prompt1] ")
    bash.enter("fg\n")
    bash.wait_for("sh -c")
    bash.enter("\n")  # is read whenever the job gets the terminal, which is a moment after bash has named it
    bash.wait_for("[prompt1] ")
    bash.enter("exit 5\n")
    assert bash.wait() == 5


def test_a_new_size_of_the_window_arrives(terminal: Callable[..., Terminal]) -> None:
    application = terminal("python3", "/app/app.py", "--on", "WINCH,TERM", "--drain", "0.1")
    application.wait_for("app ready")
    application.resize(40, 132)
    assert application.wait() == 7
    assert "app got SIGWINCH" in application.shown


def test_the_shell_sees_the_new_size(bash: Terminal) -> None:
    bash.resize(41, 133)
    bash.enter("until [ \"$(stty size)\" = '41 133' ]; do sleep 0.05; done; echo re$((1))sized\n")
    bash.wait_for("re1sized")
    bash.enter("exit\n")
    assert bash.wait() == 0


def test_a_hangup_ends_an_interactive_shell(bash: Terminal, name: str, client: DockerClient) -> None:
    began = time.monotonic()
    client.containers.get(name).kill("HUP")
    assert bash.wait() == 128 + signal.SIGHUP
    assert time.monotonic() - began < 5


def test_a_command_reads_its_stdin_from_a_pipe_to_the_end(name: str) -> None:
    text = "".join(f"{number}\n" for number in range(50_000)).encode()
    done = subprocess.run(
        [*words_of_run(name, "--interactive"), "cat"], input=text, capture_output=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == text
    assert done.stderr == b""


@pytest.mark.usefixtures("client")
def test_a_command_without_stdin_reads_an_empty_one(name: str) -> None:
    done = subprocess.run([*words_of_run(name), "cat"], input=b"not for it", capture_output=True, timeout=PATIENCE, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
