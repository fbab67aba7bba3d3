"""PURE. Drop-in personalities: the options, variables and exit statuses of tini, dumb-init and catatonit, in terms of ours.

Imported only where we are called by one of their names, and forgotten once the command runs. What they do was measured on
tini 0.19.0, dumb-init 1.2.5 and catatonit 0.1.7; docs/drop-in.md tells what differs and why.

Options end at the first word that is none, as musl's getopt() has it: on Alpine `tini sh -c x` works. glibc's would take
`-c` for an option of tini, and fail; so no image that works needs that.
"""

import pyinit
from pyinit.kernel.signals import signal
from pyinit.record import Record
from pyinit.settings.config import UsageError
from pyinit.settings.options import version_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

#: Quiet like the originals. Whomever they would signal, "as if every wrapper had used exec" is what was meant.
DEFAULTS = {"--log-level": "warning"}

#: What tini -p takes, after SIG: neither numbers nor real-time signals nor short names.
PARENT_DEATH_SIGNALS = frozenset(
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ "
    "VTALRM PROF WINCH SYS".split()
)

#: The signals that dumb-init -r takes; and those among them that never get as far as to be rewritten.
REWRITABLE = range(1, 32)
NEVER_FORWARDED = (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD)

#: The signals of which dumb-init's command ignores none, whatever dumb-init itself was given; and it has none blocked.
RESET = range(1, 32)

#: The exit statuses that tini -e takes.
STATUSES = range(256)

BLANKS = " \t\n\v\f\r"

LICENCE = "Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0"


class Flag(Record):
    """An option of theirs: its letter, its long name or "", the name of its value or "", and its help."""

    letter: str
    long: str
    metavar: str
    help: str


class Program(Record):
    """A program: its options, the variables it reads, with their help, and how the line of its --version begins.

    `not_started` are its exit statuses, by ours, where the command cannot be started; of ours, 125 is for want of memory or
    processes. Its status for a mistake in the options is 1, whichever it is.
    """

    flags: tuple[Flag, ...]
    variables: tuple[tuple[str, str], ...]
    version: str
    not_started: dict[int, int]


TINI = Program(
    (
        Flag("h", "", "", "print this"),
        Flag("s", "", "", "adopt orphans, or refuse to start (pyinit tries to without being asked)"),
        Flag("p", "", "SIGNAL", "receive this when our parent dies: SIGTERM, SIGKILL, ..."),
        Flag("v", "", "", "log more: stops, then everything; repeatable"),
        Flag("w", "", "", "taken, and of no effect: pyinit does not warn of what it reaps"),
        Flag("g", "", "", "taken, and of no effect: pyinit tells whoever handles the signal, in the whole group"),
        Flag("e", "", "STATUS", "exit with 0 instead of this status, 0 to 255; repeatable"),
        Flag("l", "", "", "print the licence"),
    ),
    (
        ("TINI_SUBREAPER", "where set, like -s"),
        ("TINI_VERBOSITY", "0 to 3, in place of what -v says; 1 without either"),
        ("TINI_KILL_PROCESS_GROUP", "like -g: of no effect"),
    ),
    "tini version ",
    {125: 1, 126: 126, 127: 127},
)

DUMB_INIT = Program(
    (
        Flag("c", "single-child", "", "taken, and of no effect: pyinit tells nobody who has a handler above"),
        Flag("r", "rewrite", "FROM:TO", "forward another signal, by numbers from 1 to 31; TO 0 drops it; repeatable"),
        Flag("v", "verbose", "", "log everything"),
        Flag("h", "help", "", "print this"),
        Flag("V", "version", "", "print the version"),
    ),
    (
        ("DUMB_INIT_DEBUG", "where 1, like -v"),
        ("DUMB_INIT_SETSID", "where 0, like -c: of no effect"),
    ),
    "dumb-init v",
    {125: 1, 126: 2, 127: 2},
)

CATATONIT = Program(
    (
        Flag("g", "", "", "taken, and of no effect: pyinit tells whoever handles the signal, in the whole group"),
        Flag("h", "", "", "print this"),
        Flag("L", "", "", "print the licence"),
        Flag("P", "", "", "run no command: reap orphans until SIGTERM or SIGINT comes"),
        Flag("V", "version", "", "print the version"),
    ),
    (("CATATONIT_DEBUG", "where set, log everything"),),
    "tini version ",
    {125: 1, 126: 1, 127: 1},
)

#: The programs by every name under which we are them; config.DROP_IN has the same names.
PROGRAMS = {
    "tini": TINI,
    "tini-static": TINI,
    "docker-init": TINI,
    "dumb-init": DUMB_INIT,
    "catatonit": CATATONIT,
    "podman-init": CATATONIT,
}


class Translation(Record):
    """What their words and variables mean here.

    `words` are options and command for options.parse(), with `defaults`, texts by flag, in place of its own. `statuses` are
    the exit statuses, by ours, where the command cannot be started. If `answer` is not empty it is all that was asked for:
    to be printed, on stderr or on stdout. The command ignores none of the signals in `reset`; where there are any, it has none
    blocked either. If `pauses`, the command is none, and nothing is to be started; see pause.py.
    """

    words: tuple[str, ...] = ()
    defaults: "Mapping[str, str]" = DEFAULTS
    statuses: "Mapping[int, int]" = {}  # noqa: RUF012 - nobody can change it
    answer: str = ""
    on_stderr: bool = False
    pauses: bool = False
    reset: "Collection[int]" = ()


def translate(name: str, words: list[str], environ: "Mapping[str, str]") -> Translation:
    """What a program's command line and environment mean to us.

    `name` is one of PROGRAMS. Raises UsageError, whose message begins with the name.
    """
    program = PROGRAMS[name]
    rest = list(words)
    try:
        if program is TINI:
            return _tini(name, rest, environ)
        return _dumb_init(name, rest, environ) if program is DUMB_INIT else _catatonit(name, rest, environ)
    except ValueError as error:
        raise UsageError(f"{name}: {error}; {name} -h tells more") from None


def _tini(name: str, words: list[str], environ: "Mapping[str, str]") -> Translation:
    verbosity = 1
    given, successes = [], set()
    if words == ["--version"]:  # which is no option beside others
        return Translation(answer=version_text(TINI.version))
    for letter, value in _options(TINI, words):
        match letter:
            case "h":
                return Translation(answer=_help(name, TINI))
            case "l":
                return Translation(answer=_licence())
            case "s":
                given.append("--subreaper")
            case "p":
                if value.removeprefix("SIG") not in PARENT_DEATH_SIGNALS or not value.startswith("SIG"):
                    raise ValueError(f"-p: {value!r} is not a signal: give a name such as SIGTERM")
                given.append(f"--parent-death-signal={value}")
            case "v":
                verbosity += 1
            case "e":
                successes.add(_exit_status(value))
    if "TINI_SUBREAPER" in environ:
        given.append("--subreaper")
    if "TINI_VERBOSITY" in environ:
        verbosity, _ = _leading_number(environ["TINI_VERBOSITY"])
    if verbosity != 1:
        given.append(f"--log-level={_level(verbosity)}")
    given += [f"--map-status={status}:0" for status in sorted(successes)]
    # -e holds for a command that cannot be started too: there tini's child exits with that status.
    statuses = {ours: 0 if theirs in successes else theirs for ours, theirs in TINI.not_started.items()}
    return Translation((*given, "--", *_command(words)), statuses=statuses)


def _level(verbosity: int) -> str:
    """The log level for a verbosity of tini's, which is below 0 only as a large number of C that has no sign."""
    levels = ("error", "warning", "info")
    return levels[verbosity] if 0 <= verbosity < len(levels) else "debug"


def _exit_status(text: str) -> int:
    number, end = _leading_number(text)
    if end or number not in STATUSES:
        raise ValueError(f"-e: {text!r} is not an exit status: give a number, 0 to 255")
    return number


def _dumb_init(name: str, words: list[str], environ: "Mapping[str, str]") -> Translation:
    level, rewrites = "", []
    for letter, value in _options(DUMB_INIT, words):
        match letter:
            case "h":
                return Translation(answer=_help(name, DUMB_INIT), on_stderr=True)
            case "V":
                return Translation(answer=version_text(DUMB_INIT.version), on_stderr=True)
            case "v":
                level = "--log-level=debug"
            case "r":
                received, forwarded = _rewrite(value)
                if received not in NEVER_FORWARDED:
                    rewrites.append(f"--rewrite={received}:{forwarded}")
    if environ.get("DUMB_INIT_DEBUG") == "1":
        level = "--log-level=debug"
    given = [*([level] if level else []), *rewrites]
    return Translation((*given, "--", *_command(words)), statuses=DUMB_INIT.not_started, reset=RESET)


def _rewrite(text: str) -> tuple[int, int]:
    """Two signal numbers from FROM:TO, read as sscanf(3) does."""
    received, rest = _leading_number(text)
    forwarded, rest_of_rest = _leading_number(rest[1:])
    is_number = rest_of_rest != rest[1:]  # where nothing was read there is none
    if rest == text or not rest.startswith(":") or not is_number:
        raise ValueError(f"-r: {text!r} is not FROM:TO, two signal numbers, as in 15:3 or 15:0")
    if received not in REWRITABLE or not (forwarded == 0 or forwarded in REWRITABLE):
        raise ValueError(f"-r: {text!r}: signals are numbers from 1 to 31, and 0 drops")
    return received, forwarded


def _catatonit(name: str, words: list[str], environ: "Mapping[str, str]") -> Translation:
    given, pauses = [], False
    for letter, _ in _options(CATATONIT, words):
        match letter:
            case "h":
                return Translation(answer=_help(name, CATATONIT), on_stderr=True)
            case "V":
                return Translation(answer=version_text(CATATONIT.version))
            case "L":
                return Translation(answer=_licence())
            case "P":
                pauses = True
    if "CATATONIT_DEBUG" in environ:
        given.append("--log-level=debug")
    command = ["pause"] if pauses else _command(words)  # in place of any that is given: nobody looks at it
    return Translation((*given, "--", *command), statuses=CATATONIT.not_started, pauses=pauses)


# --- what is common to them ----------------------------------------------------------------------------------------


def _command(words: list[str]) -> list[str]:
    if not words:
        raise ValueError("no command given")
    return words


def _options(program: Program, words: list[str]) -> "Iterator[tuple[str, str]]":
    """Take the options off the front, one by one, as getopt_long(3) does: letter, and value or "".

    A program that has no long options takes none. Raises ValueError, once it has come to the mistake.
    """
    by_letter = {flag.letter: flag for flag in program.flags}
    has_long = any(flag.long for flag in program.flags)
    while words and words[0].startswith("-") and words[0] != "-":
        word = words.pop(0)
        if word == "--":
            return
        if has_long and word.startswith("--"):
            yield _long_option(program, word, words)
            continue
        rest = word[1:]
        while rest:
            flag, rest = by_letter.get(rest[0]), rest[1:]
            if flag is None:
                raise _no_such_option(word)
            value = ""
            if flag.metavar:
                value, rest = rest or _next(f"-{flag.letter}", flag, words), ""
            yield flag.letter, value


def _long_option(program: Program, word: str, words: list[str]) -> tuple[str, str]:
    """A long option, which may be cut short as long as it is like no other."""
    begin, equals, value = word[2:].partition("=")
    found = [flag for flag in program.flags if flag.long and flag.long.startswith(begin)]
    found = [flag for flag in found if flag.long == begin] or found
    if not found:
        raise _no_such_option(word)
    if len(found) > 1:
        raise ValueError(f"{_shown(word)} may be {' or '.join('--' + flag.long for flag in found)}")
    [flag] = found
    if equals and not flag.metavar:
        raise ValueError(f"--{flag.long} takes no value")
    if flag.metavar and not equals:
        value = _next(f"--{flag.long}", flag, words)
    return flag.letter, value


def _next(shown: str, flag: Flag, words: list[str]) -> str:
    if not words:
        raise ValueError(f"{shown}: a value must follow: {shown} {flag.metavar}")
    return words.pop(0)


def _no_such_option(word: str) -> ValueError:
    hint = " (under this name pyinit's own options are given by its PYINIT_... variables)" if word.startswith("--") else ""
    return ValueError(f"no such option: {_shown(word)}{hint}")


def _shown(word: str) -> str:
    return word if word.isprintable() else ascii(word)


def _leading_number(text: str) -> tuple[int, str]:
    """The number that a text begins with, as strtol(3) reads it, and what follows; 0 and the text where there is none."""
    rest = text.lstrip(BLANKS)
    sign = rest[:1] if rest[:1] in ("+", "-") else ""
    rest = rest[len(sign) :]
    figures = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if not figures:
        return 0, text
    # No more figures than a number of C could have: an int of Python has a limit to its digits too.
    return int(sign + (figures.lstrip("0")[:19] or "0")), rest[len(figures) :]


def _licence() -> str:
    return f"pyinit {pyinit.__version__}\n{LICENCE}\n"


def _help(name: str, program: Program) -> str:
    """What -h prints."""
    lines = [
        f"usage: {name} [options] [--] command [argument ...]",
        "",
        f"This is pyinit {pyinit.__version__}, called by the name {name}: it takes that program's options,",
        "lets every application finish, and waits for everybody.",
        "",
    ]
    if program is TINI:
        lines += ["  --version", "      print the version; alone"]
    for flag in program.flags:
        long = f", --{flag.long}" if flag.long else ""
        value = f" {flag.metavar}" if flag.metavar else ""
        lines += [f"  -{flag.letter}{long}{value}", f"      {flag.help}"]
    lines += ["", "Variables:"]
    for variable, text in program.variables:
        lines += [f"  {variable}", f"      {text}"]
    lines += ["  PYINIT_...", "      the options of pyinit itself (pyinit --help lists them)"]
    return "\n".join(lines) + "\n"
