"""pyinit that counts its system calls: runs it as its __main__ does, after having replaced what it calls.

usage: counting.py FILE [pyinit option ...] -- command

At its end FILE has a line for each stage of its life: "signals CALLS", from the first SIGUSR1 up to the stop request, and
"stop CALLS", from then on.
"""

import os
import sys
import types

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Counts:
    """Of calls, by stage."""

    def __init__(self) -> None:
        self.stage = "start"
        self.calls = {"start": 0, "signals": 0, "stop": 0}

    def counted(self, function: types.BuiltinFunctionType) -> object:
        """The same function, which counts its calls. SIGUSR1 and SIGTERM, when they are taken, change the stage."""

        def call(*arguments: object, **named: object) -> object:
            self.calls[self.stage] += 1
            result = function(*arguments, **named)
            taken = getattr(result, "si_signo", 0)
            if taken == 10 and self.stage == "start":
                self.stage = "signals"
            elif taken == 15:
                self.stage = "stop"
            return result

        return call

    def proxy(self, module: types.ModuleType) -> types.ModuleType:
        """A module whose functions are counted."""
        made = types.ModuleType(module.__name__)
        for name, value in vars(module).items():
            setattr(made, name, self.counted(value) if isinstance(value, types.BuiltinFunctionType) else value)
        return made


def main() -> None:
    """Replace, then run."""
    path, *arguments = sys.argv[1:]
    sys.path.insert(0, ROOT)
    from pyinit.kernel import signals

    mask = signals.block_all()
    import _signal  # type: ignore[import-not-found]  # built in, and left out of the stubs
    import posix

    from pyinit import cli
    from pyinit.kernel import system, terminal

    counts = Counts()
    for module in (system, terminal):
        vars(module).update(posix=counts.proxy(posix), signal=counts.proxy(_signal))
    leave = posix._exit  # noqa: SLF001 - public, under a private name

    def tell_and_leave(status: int) -> None:
        with open(path, "w", encoding="ascii") as file:
            file.writelines(f"{stage} {counts.calls[stage]}\n" for stage in ("signals", "stop"))
        leave(status)

    vars(system)["posix"]._exit = tell_and_leave  # noqa: SLF001 - as above
    cli.main(arguments, mask, "pyinit")


if __name__ == "__main__":
    main()
