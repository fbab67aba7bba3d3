"""A program as PID 1 in a PID namespace of its own, started in a millisecond, so that it can be started hundreds of times.

tests.namespace does the same through unshare(1), which suits tests better: it is fine in a process with threads.
"""

import ctypes
import mmap
import os
import signal
import struct
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NoReturn

LIBC = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000  # linux/sched.h
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000  # sys/mount.h
PR_SET_PDEATHSIG = 1  # linux/prctl.h

STAMP = struct.Struct("q")


class StageError(Exception):
    """PID 1 could not be started."""


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _unshare() -> None:
    """Make the next child PID 1 of a new namespace; in a user namespace of our own unless we are root."""
    user, group = os.geteuid(), os.getegid()
    _check(LIBC.unshare(CLONE_NEWPID | CLONE_NEWNS | (0 if user == 0 else CLONE_NEWUSER)), "unshare")
    if user != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)


def _mount_proc() -> None:
    _check(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate /")
    _check(LIBC.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")


class Pid1:
    """A context manager around a PID 1; at its end the whole namespace is killed, and waited for.

    stdin is /dev/null, and so are stdout and stderr unless a descriptor is given. `descriptors` maps those that PID 1 and
    its children inherit to ours. `pid` is that of PID 1 as seen from here, also when it has ended: nobody reaps it before that.
    """

    def __init__(
        self, words: Sequence[str], *, stdout: int | None = None, descriptors: Mapping[int, int] | None = None
    ) -> None:
        self._stamp = mmap.mmap(-1, STAMP.size)
        reader, writer = os.pipe()
        over, self._holds = os.pipe()
        self._helper = os.fork()
        if self._helper == 0:
            os.close(self._holds)
            self._help(words, {1: stdout, **(descriptors or {})}, writer, over)
        os.close(writer)
        os.close(over)
        with os.fdopen(reader, "rb") as answer:
            text = answer.read().decode()
        if not text.isdecimal():
            os.close(self._holds)
            os.waitpid(self._helper, 0)
            raise StageError(text or "the helper process died")
        self.pid = int(text)

    @property
    def started(self) -> int:
        """When PID 1 was executed, in nanoseconds of the monotonic clock."""
        return int(STAMP.unpack(self._stamp)[0])

    @property
    def cpu(self) -> float:
        """Seconds of CPU that PID 1 has used, to the nanosecond (sched-stats.rst of the kernel); of one that has ended too."""
        with open(f"/proc/{self.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def _help(self, words: Sequence[str], descriptors: Mapping[int, int | None], answer: int, over: int) -> NoReturn:
        """In the helper process: a namespace is entered by fork(), so somebody has to be the parent of PID 1."""
        status = 1
        try:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            _unshare()
            pid = os.fork()
            if pid == 0:
                self._become(words, descriptors)
            os.write(answer, str(pid).encode())
            os.dup2(over, 0)
            os.closerange(1, 1 << 16)  # what we would hold open, others would wait for
            os.read(0, 1)  # until it is over PID 1 may be looked at, also when it has ended
            os.waitpid(pid, 0)
            status = 0
        except OSError as error:
            os.write(answer, str(error).encode())
        finally:
            os._exit(status)

    def _become(self, words: Sequence[str], descriptors: Mapping[int, int | None]) -> NoReturn:
        """In the child: turn into the init."""
        try:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nothing outlives the benchmark
            os.setsid()  # a signal to "our group" shall not reach the benchmark
            _mount_proc()
            null = os.open("/dev/null", os.O_RDWR)
            for target in (0, 2):
                os.dup2(null, target)
            for target, source in descriptors.items():
                os.dup2(null if source is None else source, target)
                os.set_inheritable(target, True)  # also where the two are the same
            for signum in (signal.SIGPIPE, signal.SIGXFSZ):  # CPython ignores them, and that would be inherited
                signal.signal(signum, signal.SIG_DFL)
            STAMP.pack_into(self._stamp, 0, time.monotonic_ns())
            os.execvp(words[0], list(words))  # noqa: S606 - that is how one becomes an init
        finally:
            os._exit(127)

    def __enter__(self) -> "Pid1":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        os.kill(self.pid, signal.SIGKILL)  # nobody has reaped it yet
        os.close(self._holds)
        os.waitpid(self._helper, 0)
        self._stamp.close()
