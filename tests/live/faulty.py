"""pyinit with a system call that fails: runs it as its __main__ does, after having replaced what it calls.

usage: faulty.py [as:NAME] MODULE.FUNCTION ERROR WHEN [pyinit option ...] -- command

NAME is the name that it is called by, in place of its own; the options are those of that name.

ERROR is the name of an errno, MemoryError, or LATE: the call is made, but only when our parent has been killed. WHEN says
which calls fail: `start:1`, the first; `start:2`, the second; `start:always`; or `stop:1`, `stop:2`, `stop:always`, where
they are counted from the first signal that PID 1 takes and that is no SIGCHLD. `time.time` fails in its own way: it goes
back by an hour at each call. `import.MODULE` is the import of a module that PID 1 loads later, which
can fail with ImportError as well.
"""

import os
import select
import sys
import types

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def outlive_parent() -> None:
    """Kill our parent, and return when it is gone."""
    parent = os.getppid()
    os.kill(parent, 9)
    while os.getppid() == parent:
        pass


class Fault:
    """Decides which calls of one function fail, and how."""

    def __init__(self, function: str, error: str, when: str) -> None:
        self.function = function
        self.error = error
        phase, _, self.which = when.partition(":")
        self.counts = phase == "start"
        self.calls = 0

    def raise_if_due(self, function: str) -> None:
        """Fail, if it is this call's turn."""
        if function != self.function or not self.counts:
            return
        self.calls += 1
        if self.which in ("always", str(self.calls)):
            if self.error == "LATE":
                outlive_parent()
                return
            if self.error == "MemoryError":
                raise MemoryError
            if self.error == "ImportError":
                raise ImportError(f"no {function.partition('.')[2]}")
            import errno  # OSError makes the subclass of the errno, as the real call does

            number = getattr(errno, self.error)
            raise OSError(number, os.strerror(number))


class Poll:
    """A poll object whose methods fail as told."""

    def __init__(self, poll: "select.poll", fault: Fault) -> None:
        self._poll = poll
        self._fault = fault

    def register(self, *arguments: int) -> None:
        """As select.poll has it."""
        self._fault.raise_if_due("poll.register")
        self._poll.register(*arguments)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        """As select.poll has it."""
        self._fault.raise_if_due("poll.poll")
        return self._poll.poll(timeout)


class Finder:
    """Stands before those who find modules, and finds none: an import fails as told, or goes on as ever."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault

    def find_spec(self, name: str, *_: object) -> None:
        """As importlib.abc.MetaPathFinder has it."""
        self._fault.raise_if_due(f"import.{name}")


class Proxy(types.ModuleType):
    """A module whose functions fail as told, and work as ever otherwise."""

    def __init__(self, module: types.ModuleType, fault: Fault) -> None:
        super().__init__(module.__name__)
        for name, value in vars(module).items():
            is_function = isinstance(value, types.BuiltinFunctionType)
            setattr(self, name, self._failing(f"{module.__name__}.{name}", value, fault) if is_function else value)

    @staticmethod
    def _failing(name: str, function: types.BuiltinFunctionType, fault: Fault) -> object:
        def call(*arguments: object, **named: object) -> object:
            fault.raise_if_due(name)
            result = function(*arguments, **named)
            if name in ("_signal.sigwaitinfo", "_signal.sigtimedwait") and getattr(result, "si_signo", 17) != 17:
                fault.counts = True
            return Poll(result, fault) if name == "select.poll" else result

        return call


def main() -> None:
    """Replace, then run."""
    words = sys.argv[1:]
    called = words.pop(0)[3:] if words[0].startswith("as:") else "pyinit"
    target, error, when, *arguments = words
    fault = Fault(target, error, when)
    sys.path.insert(0, ROOT)
    from pyinit.kernel import signals

    mask = signals.block_all()
    import _signal  # type: ignore[import-not-found]  # built in, and left out of the stubs
    import posix
    import time

    from pyinit import cli, log
    from pyinit.health import doors, keeper  # noqa: F401 - as above
    from pyinit.kernel import libc, spawn, system  # noqa: F401 - imported to be found below
    from pyinit.life import last_resort, supervise  # noqa: F401 - imported to be found below

    proxies = {"posix": Proxy(posix, fault), "signal": Proxy(_signal, fault), "select": Proxy(select, fault)}
    #: Everything that PID 1 imports later is there now, so that it can be replaced.
    for name, module in list(sys.modules.items()):
        if name.startswith("pyinit."):
            for attribute, proxy in proxies.items():
                if isinstance(getattr(module, attribute, None), types.ModuleType):
                    setattr(module, attribute, proxy)
    sys.modules["select"] = proxies["select"]
    fault_of_libc = libc._call  # noqa: SLF001 - the one door to all of its calls

    def call(function: str, *words: "libc.Argument") -> int:
        fault.raise_if_due(f"libc.{function}")
        result = fault_of_libc(function, *words)
        if function == "sigtimedwait" and result != 17:
            fault.counts = True
        return result

    libc._call = call  # noqa: SLF001 - as above
    if target.startswith("import."):
        assert target.partition(".")[2] not in sys.modules, "it is imported too early to fail"
        sys.meta_path.insert(0, Finder(fault))
    if target == "time.time":
        hours = iter(range(1 << 30))

        clock = types.ModuleType("time")
        vars(clock).update(vars(time))
        vars(clock)["time"] = lambda: 2_000_000_000.0 - 3600 * next(hours)
        vars(log)["time"] = clock
    cli.main(arguments, mask, called)


if __name__ == "__main__":
    main()
