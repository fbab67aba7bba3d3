"""From argv and environ to a running command, and from its end to an exit status.

The command is started first, and what supervises it is imported while it starts. Until then a signal stays pending.
"""

import gc
import sys

import pyinit
from pyinit import last_resort, system, terminal
from pyinit.config import AUTO, NO, Asked, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config import Config
    from pyinit.log import Log
    from pyinit.options import Parsed

#: Exit status for a fault of ours or of our options; as `docker run` and `timeout` have it.
OUR_FAULT = 125


def main(arguments: list[str], mask: frozenset[int]) -> None:
    """Run pyinit and leave with its exit status. All signals are blocked; `mask` is the mask as it was before."""
    try:
        system.hold_standard_streams()
        status = _run(arguments, mask)
    except Asked as asked:
        status = _answer(str(asked))
    except UsageError as error:
        from pyinit.log import Log

        Log("error", "text").say("error", "usage", str(error))
        status = OUR_FAULT
    except BaseException as error:
        last_resort.tell(error, "text", "nothing was started")
        status = OUR_FAULT
    system.exit_now(status)


def _answer(flag: str) -> int:
    from pyinit import options

    text = options.help_text() if flag == "--help" else f"pyinit {pyinit.__version__}\n"
    return 0 if system.write_stdout(text.encode()) else OUR_FAULT


def _run(arguments: list[str], mask: frozenset[int]) -> int:
    environment = system.environ()
    ours = {system.decode(name): system.decode(environment[name]) for name in environment if name.startswith(b"PYINIT_")}
    parsed = _parse(arguments, ours)
    config = parsed.config
    notes = _place_ourselves(config)
    ignored = system.accept_sigchld()
    how = terminal.mode()
    command = last_resort.Command(0)
    command.pid, failure = _start(_command(parsed, environment), environment, mask, ignored, how)
    try:
        _forget_the_start()
        from pyinit.log import Log

        log = Log(config.log_level, config.log_format)
        for level, event, message in [*(("warning", "usage", warning) for warning in parsed.warnings), *notes]:
            log.say(level, event, message)
        if failure is not None:
            status, message = failure
            log.say("error", "not_started", message, status=status)
            return status
        del parsed
        return _supervise(command, config, log, environment, mask, how)
    except BaseException as error:
        # The boundary: from the start of the command on PID 1 may not fail, because its end is everybody's end.
        last_resort.tell(error, config.log_format, "it goes on with less care")
        return last_resort.loop(command)


def _supervise(
    command: last_resort.Command,
    config: "Config",
    log: "Log",
    environment: dict[bytes, bytes],
    mask: frozenset[int],
    how: str,
) -> int:
    from pyinit import supervise

    folder = system.get_folder()
    system.let_go(keep_terminal=how != terminal.NONE)
    jobs = terminal.JobControl(command.pid, how)
    try:
        return supervise.Supervisor(command, config, log, environment, mask, folder, jobs).loop()
    finally:
        jobs.give_back()


def _parse(arguments: list[str], environment: dict[str, str]) -> "Parsed":
    from pyinit import options

    return options.parse(arguments, environment)


def _start(
    arguments: list[str], environment: dict[bytes, bytes], mask: frozenset[int], ignored: tuple[int, ...], how: str
) -> tuple[int, tuple[int, str] | None]:
    """Start the command; return its PID and None, or 0, its exit status and why it could not be started."""
    from pyinit import spawn

    try:
        return spawn.spawn(arguments, environment, mask, ignored, how), None
    except spawn.SpawnError as error:
        return 0, (error.status, str(error))


def _forget_the_start() -> None:
    """Give back the memory of what has read the options and started the command.

    A running PID 1 has no use for it, and what is imported next takes its place.
    """
    for module in ("options", "values", "words", "spawn"):
        if sys.modules.pop(f"pyinit.{module}", None):
            delattr(pyinit, module)
    sys.path_importer_cache.clear()
    gc.collect()


def _place_ourselves(config: "Config") -> list[tuple[str, str, str]]:
    """Arrange what concerns the processes around us: orphans below, the parent above. Returns what to log about it."""
    notes = []
    if system.getpid() != 1 and config.subreaper != NO:
        try:
            system.become_subreaper()
            notes.append(("debug", "subreaper", f"pid {system.getpid()}, not 1: a subreaper, to which orphans come"))
        except (OSError, ImportError) as error:
            if config.subreaper != AUTO:
                raise UsageError(f"--subreaper: cannot adopt orphans: {error}") from None
            notes.append(("warning", "subreaper", f"not PID 1 and no subreaper; orphans go to PID 1 instead: {error}"))
    if config.parent_death_signal is not None:
        try:
            system.set_parent_death_signal(config.parent_death_signal)
        except (OSError, ImportError) as error:
            raise UsageError(f"--parent-death-signal: cannot be set: {error}") from None
    return notes


def _command(parsed: "Parsed", environment: dict[bytes, bytes]) -> list[str]:
    """The words to execute: those given, expanded where asked for; or those that -c makes."""
    if parsed.script is None and not parsed.config.expand_env:
        return list(parsed.command)
    from pyinit import words

    if parsed.script is not None:
        return words.as_shell(parsed.script, parsed.command, environment)
    try:
        return [words.expand(word, words.getter(environment)) for word in parsed.command]
    except ValueError as error:
        raise UsageError(f"--expand-env: {error}") from None
