"""From argv and environ to a running command, and from its end to an exit status.

The command is started first, and what supervises it is imported while it starts. Until then a signal stays pending.
"""

import gc
import sys

from pyinit.kernel import system, terminal
from pyinit.kernel.signals import signal
from pyinit.life import last_resort
from pyinit.settings.config import AUTO, BY_PROGRAM, DROP_IN, NO, RUNTIME, TERMINATION_LOG, TOOLS, Asked, UsageError

if system.IS_FROZEN:
    from pyinit.kernel import frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.health.doors import Doors
    from pyinit.log import Log
    from pyinit.settings.config import Config
    from pyinit.settings.drop_in import Translation
    from pyinit.settings.options import Parsed

#: What has read the options and started the command, and is of no use any more; settings.config is.
OF_THE_START = (
    *(f"pyinit.settings.{name}" for name in ("options", "values", "platforms", "hints", "words", "drop_in")),
    "pyinit.above",
    "pyinit.kernel.spawn",
    "pyinit.probe.",
)

#: How those variables begin from which options are read, by whichever name we are called.
OURS = (b"PYINIT_", b"TINI_", b"DUMB_INIT_", b"CATATONIT_")

#: Exit status for a fault of ours or of our options; as `docker run` and `timeout` have it.
OUR_FAULT = 125

#: The exit status of all of DROP_IN for a fault.
THEIR_FAULT = 1


def main(arguments: list[str], mask: frozenset[int], called: str = "pyinit") -> None:
    """Run pyinit and leave with its exit status. All signals are blocked; `mask` is the mask as it was before.

    `called` is the name that we were called by, or a path to it.
    """
    name = called.rpartition("/")[2]
    fault = THEIR_FAULT if name in DROP_IN else OUR_FAULT
    try:
        system.hold_standard_streams()
        if name in DROP_IN:
            status = as_another(name, arguments, mask)
        elif name.startswith(RUNTIME):
            from pyinit.runtime import command as runtime

            status = runtime.run(name, arguments, mask)
        elif arguments and arguments[0].startswith(TOOLS):
            status = use(arguments, mask)
        else:
            status = run(arguments, mask, {}, {}, ["pyinit", *arguments])
    except Asked as asked:
        status = _answer(str(asked))
    except BaseException as error:
        if system.IS_FROZEN and frozen.started():
            raise  # the command runs, and the static binary goes on in C (plain_loop() in docker/static/plain.c)
        system.let_go_of_files()
        if isinstance(error, UsageError):
            last_resort.complain("usage", str(error))
            if system.getpid() == 1:  # else a person has called us, or a hook, inside of a container that goes on
                note_failure(TERMINATION_LOG, str(error))
        else:
            last_resort.tell(error, "text", "nothing was started")
        status = fault
    system.exit_now(status)


def note_failure(path: str, message: str) -> None:
    """Add to the termination log why nothing was started: `kubectl describe pod` shows that, and nothing else. Never fails."""
    try:
        from pyinit.log import printable

        system.append_line(path, printable(f"pyinit: {message}").encode() + b"\n", create=path != TERMINATION_LOG)
    except (OSError, ImportError, MemoryError):
        pass  # the log has it


def use(arguments: list[str], mask: frozenset[int]) -> int:
    """Run as a tool, with the signals as they were given to us, Ctrl-C included; return the exit status. Raises Asked."""
    if arguments[1:] in (["--help"], ["-h"]):
        raise Asked(next(tool for tool in TOOLS if arguments[0].startswith(tool)))
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # CPython's handler would raise KeyboardInterrupt
    system.accept_sigchld()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    if arguments[0].startswith("--install"):
        from pyinit.runtime import install

        return install.main(arguments)
    if arguments[0].startswith("--status"):
        from pyinit.status import command as status

        return status.main(arguments)
    from pyinit.probe import command as probe

    return probe.main(arguments, mask)


def as_another(name: str, arguments: list[str], mask: frozenset[int]) -> int:
    """Run as one of DROP_IN, by whose name we are called; return the exit status. Raises UsageError."""
    theirs = _translate(name, arguments)
    if theirs.answer:
        write = system.write_stderr if theirs.on_stderr else system.write_stdout
        return 0 if write(theirs.answer.encode()) else THEIR_FAULT
    if theirs.pauses:
        return _pause(list(theirs.words), theirs.defaults)
    if theirs.reset:
        system.stop_ignoring(theirs.reset)
        mask = frozenset()
    return run(list(theirs.words), mask, theirs.defaults, theirs.statuses, [name, *arguments])


def _translate(name: str, arguments: list[str]) -> "Translation":
    """What the words of another program mean. A function of its own, whose frame holds nothing on while the command runs."""
    from pyinit.settings import drop_in

    environment = _environment()
    return drop_in.translate(name, arguments, {system.decode(key): system.decode(environment[key]) for key in environment})


def _environment() -> dict[bytes, bytes]:
    """The environment as it was given to us; where PID 1 wakes, what of it is asked for then.

    All of it takes three times its size. In a container at its memory limit that may not be left, and a stop must be told.
    """
    if not (system.IS_FROZEN and frozen.kept()[0]):
        return system.environ()
    from pyinit.settings import platforms

    return frozen.variables((*OURS, *(name.encode() + b"=" for name in platforms.VARIABLES)))


def _pause(words: list[str], defaults: "Mapping[str, str]") -> int:
    """Run without a command."""
    parsed = parse(words, system.environ(), defaults)
    notes = place_ourselves(parsed.config)
    system.accept_sigchld()
    forget_the_start()
    system.let_go(keep_terminal=False)
    from pyinit.life import pause

    return pause.until_told(parsed.config, open_log(parsed, notes))


def _answer(flag: str) -> int:
    from pyinit.settings import help as texts

    return 0 if system.write_stdout(texts.answer(flag).encode()) else OUR_FAULT


def run(
    arguments: list[str],
    mask: frozenset[int],
    defaults: "Mapping[str, str]",
    statuses: "Mapping[int, int]",
    called: list[str],
) -> int:
    """Run the command; `defaults` and `statuses` are as in drop_in.Translation, and empty under our own name.

    `called` are the words that we were called by, the name first; `arguments` is what they mean.
    """
    started = frozen.started() if system.IS_FROZEN else 0
    if not started:
        return _run(arguments, mask, defaults, statuses, called, 0)
    try:
        return _run(arguments, mask, defaults, statuses, called, started)
    except BaseException as error:
        last_resort.tell(error, "text", "it goes on with less care")
        return last_resort.loop(last_resort.Command(started), error)


def _run(
    arguments: list[str],
    mask: frozenset[int],
    defaults: "Mapping[str, str]",
    statuses: "Mapping[int, int]",
    called: list[str],
    started: int,
) -> int:
    """Run the command, or go on with the one that has been started."""
    environment = _environment()
    parsed = parse(arguments, environment, defaults)
    config = parsed.config
    text, orphans = frozen.kept() if system.IS_FROZEN else (b"", 0)
    if text:
        return _wake(parsed, environment, mask, started, text, orphans)
    notes = place_ourselves(config)
    notes += _look_above(called)
    ignored = system.accept_sigchld()
    how = terminal.mode()
    command = last_resort.Command(0, config.stop_on - {BY_PROGRAM})
    doors = open_doors(config)
    told = environment if doors is None else doors.environment(environment)
    oom = frozen.oom_kills_at_start() if started else system.oom_kills()
    command.pid, failure = (started, None) if started else _start(parsed, told, mask, ignored, how)
    try:
        forget_the_start()
        if failure is not None:
            system.let_go_of_files()
        log = open_log(parsed, notes)
        if failure is not None:
            status, message = failure
            status = statuses.get(status, status)
            log.say("error", "not_started", message, status=status)
            if config.termination_log is not None:
                note_failure(config.termination_log, message)
            return status
        del parsed
        return _supervise(command, config, log, environment, mask, how, oom, doors)
    except BaseException as error:
        # The boundary: from the start of the command on PID 1 may not fail, because its end is everybody's end.
        last_resort.tell(error, config.log_format, "it goes on with less care")
        return last_resort.loop(command, error)


def _supervise(
    command: last_resort.Command,
    config: "Config",
    log: "Log",
    environment: dict[bytes, bytes],
    mask: frozenset[int],
    how: str,
    oom: tuple[str, int],
    doors: "Doors | None",
) -> int:
    from pyinit.life import supervise

    folder = system.get_folder()
    system.let_go(keep_terminal=how != terminal.NONE, kept=doors.descriptors if doors else ())
    page = system.create_page()
    jobs = terminal.JobControl(command.pid, how)
    try:
        return supervise.Supervisor(command, config, log, environment, mask, folder, jobs, page, oom, doors).loop()
    finally:
        jobs.give_back()


def _wake(
    parsed: "Parsed", environment: dict[bytes, bytes], mask: frozenset[int], command: int, text: bytes, orphans: int
) -> int:
    """Go on where PID 1 fell asleep: all that concerns the process is as it was then, and what there was to tell is told."""
    from pyinit.life import kept, supervise
    from pyinit.log import Log

    config = parsed.config
    found = last_resort.Command(command, config.stop_on - {BY_PROGRAM})
    try:
        gc.enable()
        if config.pre_stop is not None:
            environment = system.environ()
        log, jobs = Log(config.log_level, config.log_format), terminal.JobControl(command, terminal.NONE)
        left = kept.from_bytes(text, orphans)
        oom = left.oom_counter, left.oom_kills
        return supervise.Supervisor(found, config, log, environment, mask, left.folder, jobs, left.page, oom, None, left).loop()
    except BaseException as error:
        last_resort.tell(error, config.log_format, "it goes on with less care")
        return last_resort.loop(found, error)


def open_doors(config: "Config") -> "Doors | None":
    """What PID 1 holds for the health helper, if one is asked for. Raises UsageError."""
    if not config.ready and config.health_listen is None:
        return None
    from pyinit.health.doors import Doors

    return Doors(config)


def open_log(parsed: "Parsed", notes: list[tuple[str, str, str]]) -> "Log":
    """The log, with what there is to tell of the start."""
    from pyinit.log import Log

    log = Log(parsed.config.log_level, parsed.config.log_format)
    for level, event, message in [*(("warning", "usage", warning) for warning in parsed.warnings), *notes]:
        log.say(level, event, message)
    return log


def parse(arguments: list[str], environment: dict[bytes, bytes], defaults: "Mapping[str, str]") -> "Parsed":
    """As options.read(), which may not be held on to by whoever goes on to run."""
    from pyinit.settings import options

    return options.read(arguments, environment, defaults)


def _start(
    parsed: "Parsed", environment: dict[bytes, bytes], mask: frozenset[int], ignored: tuple[int, ...], how: str
) -> tuple[int, tuple[int, str] | None]:
    """Start the command; return its PID and None, or 0, its exit status and why it could not be started."""
    from pyinit.kernel import spawn
    from pyinit.settings import options

    try:
        return spawn.spawn(options.to_execute(parsed, environment), environment, mask, ignored, how), None
    except spawn.SpawnError as error:
        return 0, (error.status, _with_hint(str(error), parsed) if error.status == spawn.NOT_FOUND else str(error))


def _with_hint(message: str, parsed: "Parsed") -> str:
    """What is said of a command that is no program, with what may have been meant."""
    from pyinit.settings import hints

    hint = "" if parsed.script is not None else hints.not_found(parsed.command)
    return f"{message.partition('; ')[0]}; {hint}" if hint else message


def forget_the_start() -> None:
    """Give back the memory of what has read the options and started the command.

    A running PID 1 has no use for it, and what is imported next takes its place. In the static binary it is a part of the file.
    """
    if hasattr(sys, "frozen"):
        gc.enable()
        return
    for name in [name for name in sys.modules if name.startswith(OF_THE_START)]:
        del sys.modules[name]
        folder, _, module = name.rpartition(".")
        if hasattr(sys.modules.get(folder), module):
            delattr(sys.modules[folder], module)
    sys.path_importer_cache.clear()
    gc.enable()
    gc.collect()


def _look_above(called: list[str]) -> list[tuple[str, str, str]]:
    """What to log about PID 1, where we are its child."""
    if system.getppid() != 1:
        return []
    from pyinit import above

    warning = above.warning(called)
    return [("warning", "shell_above", warning)] if warning else []


def place_ourselves(config: "Config") -> list[tuple[str, str, str]]:
    """Arrange what concerns the processes around us: orphans below, the parent above. Returns what to log about it."""
    notes = []
    if system.getpid() != 1 and config.subreaper != NO:
        try:
            from pyinit.kernel import libc

            libc.become_subreaper()
            notes.append(("debug", "subreaper", f"pid {system.getpid()}, not 1: a subreaper, to which orphans come"))
        except (OSError, ImportError) as error:
            if config.subreaper != AUTO:
                raise UsageError(f"--subreaper: cannot adopt orphans: {error}") from None
            notes.append(("warning", "subreaper", f"not PID 1 and no subreaper; orphans go to PID 1 instead: {error}"))
    if config.parent_death_signal is not None:
        try:
            from pyinit.kernel import libc

            libc.set_parent_death_signal(config.parent_death_signal)
        except (OSError, ImportError) as error:
            raise UsageError(f"--parent-death-signal: cannot be set: {error}") from None
    return notes
