"""From argv and environ to a running command, and from its end to an exit status."""

from __future__ import annotations

import sys

from pyinit import __version__, options, spawn, system, words
from pyinit.config import AUTO, NO
from pyinit.log import Log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config import Config

#: Exit status for a fault of ours or of our options; as `docker run` and `timeout` have it.
OUR_FAULT = 125


def main(arguments: list[str], mask: frozenset[int]) -> None:
    """Run pyinit and leave with its exit status. All signals are blocked; `mask` is the mask as it was before."""
    system.hold_standard_streams()
    try:
        status = _run(arguments, mask)
    except options.Asked as asked:
        sys.stdout.write(options.help_text() if str(asked) == "--help" else f"pyinit {__version__}\n")
        sys.stdout.flush()
        status = 0
    except options.UsageError as error:
        Log("error", "text").say("error", "usage", str(error))
        status = OUR_FAULT
    system.exit_now(status)


def _run(arguments: list[str], mask: frozenset[int]) -> int:
    environment = system.environ()
    texts = {words.decode(key): words.decode(value) for key, value in environment.items() if key.startswith(b"PYINIT_")}
    parsed = options.parse(arguments, texts)
    config = parsed.config
    log = Log(config.log_level, config.log_format)
    for warning in parsed.warnings:
        log.say("warning", "usage", warning)

    ignored = system.accept_sigchld()
    _place_ourselves(config, log)
    terminal = spawn.NONE
    if system.has_terminal():
        terminal = spawn.FOREGROUND if system.owns_terminal() else spawn.BACKGROUND
    try:
        command = spawn.spawn(_command(parsed, environment), environment, mask, ignored, terminal)
    except spawn.SpawnError as error:
        log.say("error", "not_started", str(error), status=error.status)
        return error.status
    # Imported while the command starts, so that its start does not wait for it.
    from pyinit import supervise

    system.let_go(keep_terminal=terminal != spawn.NONE)
    return supervise.run(supervise.Supervisor(command, config, log, environment, mask, terminal))


def _place_ourselves(config: Config, log: Log) -> None:
    """Arrange what concerns the processes around us: orphans below, the parent above."""
    if system.getpid() != 1 and config.subreaper != NO:
        try:
            system.become_subreaper()
            log.say("debug", "subreaper", f"pid {system.getpid()}, not 1: orphans of the command come to us as subreaper")
        except (OSError, ImportError) as error:
            if config.subreaper != AUTO:
                raise options.UsageError(f"--subreaper: cannot adopt orphans: {error}") from None
            log.say("warning", "subreaper", f"not PID 1 and cannot adopt orphans, they go to PID 1 instead: {error}")
    if config.parent_death_signal is not None:
        try:
            system.set_parent_death_signal(config.parent_death_signal)
        except (OSError, ImportError) as error:
            raise options.UsageError(f"--parent-death-signal: cannot be set: {error}") from None


def _command(parsed: options.Parsed, environment: dict[bytes, bytes]) -> list[str]:
    """The words to execute: those given, expanded where asked for; or those that -c makes."""
    if parsed.script is not None:
        return words.as_shell(parsed.script, parsed.command, environment)
    if not parsed.config.expand_env:
        return list(parsed.command)
    get = words.getter(environment)
    try:
        return [words.expand(word, get) for word in parsed.command]
    except ValueError as error:
        raise options.UsageError(f"--expand-env: {error}") from None
