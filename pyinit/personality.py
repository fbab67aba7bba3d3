"""Run as another program, by whose name we are called: drop_in.py says what its words mean, cli.py and pause.py do it.

Imported in that case only: what serves one who is called by a name of his own is in no other container's memory.
"""

from pyinit import cli, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.drop_in import Translation


def run(name: str, arguments: list[str], mask: frozenset[int]) -> int:
    """Run as one of cli.DROP_IN; return the exit status. `mask` is as in cli.main(). Raises UsageError."""
    theirs = _translate(name, arguments)
    if theirs.answer:
        write = system.write_stderr if theirs.on_stderr else system.write_stdout
        return 0 if write(theirs.answer.encode()) else cli.THEIR_FAULT
    if theirs.pauses:
        return _pause(list(theirs.words), theirs.defaults)
    if theirs.reset:
        system.stop_ignoring(theirs.reset)
        mask = frozenset()
    return cli.run(list(theirs.words), mask, theirs.defaults, theirs.statuses, [name, *arguments])


def _translate(name: str, arguments: list[str]) -> "Translation":
    from pyinit import drop_in

    environment = system.environ()
    return drop_in.translate(name, arguments, {system.decode(key): system.decode(environment[key]) for key in environment})


def _pause(words: list[str], defaults: "Mapping[str, str]") -> int:
    """Run without a command."""
    parsed = cli.parse(words, system.environ(), defaults)
    notes = cli.place_ourselves(parsed.config)
    system.accept_sigchld()
    cli.forget_the_start()
    system.let_go(keep_terminal=False)
    from pyinit import pause

    return pause.until_told(parsed.config, cli.open_log(parsed, notes))
