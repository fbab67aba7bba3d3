"""OPTIONS: every option once, with its environment variable, parser, default and help; and the parsing of them.

The command line is read first, then the environment for what the command line does not say, then the defaults. A value
that is no good raises UsageError with one line that names the option (or variable), the value and what is allowed.
"""

import pyinit
from pyinit import system, values
from pyinit.config import (
    AT_REQUEST,
    AT_SIGNAL,
    AUTO,
    GROUP,
    QUEUES_MAY_TAKE,
    TERMINATION_LOG,
    TOOLS,
    YES,
    Asked,
    Config,
    UsageError,
)
from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Option(Record):
    """One option: its flag, the name of its value, the parser of its value, its default as text, its help.

    `implied` is the value of a flag that is given without one; a flag without it always takes a value. Of a flag that is
    given several times the last one counts; or all are merged, pairs of which the last counts; or all are gathered, in which
    case the variable may hold several, separated by whitespace.
    """

    flag: str
    metavar: str
    parse: "Callable[[str], object]"
    default: str
    help: str
    implied: str | None = None
    merges: bool = False
    gathers: bool = False

    @property
    def field(self) -> str:
        """The field of Config."""
        return self.flag[2:].replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "PYINIT_" + self.field.upper()


#: By the heading under which --help shows them.
OPTIONS: dict[str, tuple[Option, ...]] = {
    "Signals": (
        Option(
            "--forward",
            "group|handlers|command",
            values.forward,
            GROUP,
            "who gets a signal: those in the command's process group who handle it and have no other such above them, as "
            "if every wrapper had used exec; every handler, at once; or the command alone",
        ),
        Option(
            "--stop-on",
            "auto|SIG[,SIG...]",
            values.stop_requests,
            "auto",
            "signals that are stop requests (auto: TERM and INT, and QUIT, USR1 or WINCH where that is how the program that "
            "is there finishes its work)",
        ),
        Option(
            "--stop-signal",
            "auto|none|SIG",
            values.stop_signal,
            "auto",
            "what the command gets for a stop request (auto: a well-known program the signal by which it finishes its work, "
            "all others the one that was received; none: that one)",
        ),
        Option(
            "--rewrite",
            "FROM:TO[,...]",
            values.rewrites,
            "",
            "forward another signal than the one received; TO 0 drops it; repeatable",
            merges=True,
        ),
    ),
    "Stopping": (
        Option(
            "--pre-stop-delay",
            "SECONDS|auto",
            values.delay,
            "0",
            "keep serving so long after a stop request, until load balancers have noticed (auto: until the traffic has "
            "gone quiet; not at all where nobody listens)",
        ),
        Option("--pre-stop-min", "SECONDS", values.duration, "5", "auto serves on at least so long"),
        Option("--pre-stop-max", "SECONDS", values.duration, "20", "auto serves on at most so long"),
        Option(
            "--pre-stop-quiet",
            "SECONDS",
            values.duration,
            "6",
            "auto: no traffic for so long is quiet, or longer where there was little before",
        ),
        Option(
            "--ports",
            "PORT[-PORT][,...]",
            values.ports,
            "",
            "auto watches these TCP ports only (none: all)",
        ),
        Option("--ignore-ports", "PORT[-PORT][,...]", values.ports, "none", "auto does not watch these: probes, metrics"),
        Option(
            "--pre-stop",
            "COMMAND",
            values.optional_text,
            "none",
            "run this at the stop request; the stop signal waits for it (it sees PYINIT_SIGNAL, PYINIT_COMMAND_PID)",
        ),
        Option(
            "--pre-stop-until",
            "yes|no",
            values.switch,
            "no",
            "the success of the pre-stop command ends the delay, and silence does not before it; the delay is its time limit",
            implied="yes",
        ),
        Option("--pre-stop-timeout", "SECONDS", values.duration, "10", "SIGKILL for a pre-stop command after so long"),
        Option(
            "--stop-timeout",
            "SECONDS",
            values.optional_duration,
            "none",
            "what the orchestrator allows from its stop request to its SIGKILL; auto leaves the grace period of it, or a "
            "third, for finishing",
        ),
        Option(
            "--grace-period",
            "SECONDS",
            values.optional_duration,
            "none",
            "from the stop signal to SIGKILL (none: the orchestrator decides)",
        ),
        Option(
            "--settle",
            "SECONDS",
            values.duration,
            "1",
            "from the last handler's exit to signalling those that were held back",
        ),
        Option(
            "--sweep-timeout",
            "SECONDS",
            values.duration,
            "5",
            "from the command's exit, when it exits by itself, to SIGKILL for what it leaves behind",
        ),
    ),
    "Readiness": (
        Option(
            "--ready",
            "TARGET",
            values.targets,
            "none",
            "ready is when this holds: http://ADDRESS:PORT/PATH, tcp:PORT, unix:PATH, exec:COMMAND, file:PATH; or notify, when "
            "the command says so (sd_notify); repeatable: all must hold",
            gathers=True,
        ),
        Option("--ready-interval", "SECONDS", values.interval, "1", "from one look to the next"),
        Option("--ready-timeout", "SECONDS", values.interval, "1", "a target that takes longer does not hold"),
        Option(
            "--start-timeout",
            "SECONDS",
            values.optional_duration,
            "none",
            "a command that is not ready by then is stopped, with exit status 124 (SIGKILL after --grace-period, or 10 s)",
        ),
        Option(
            "--health-listen",
            "[ADDRESS:]PORT",
            values.listen,
            "none",
            "serve /readyz, /livez and /startupz here (no address: all), from a process of its own",
        ),
        Option(
            "--unready-at",
            "auto|request|signal",
            values.one_of(AUTO, AT_REQUEST, AT_SIGNAL),
            AUTO,
            "readiness falls at the stop request, or not before the stop signal (auto: at the signal inside Kubernetes, which "
            "takes pods that stop out by itself, else at the request)",
        ),
    ),
    "Command": (
        Option("--map-status", "FROM:TO[,...]", values.status_map, "", "exit with TO instead of FROM; repeatable", merges=True),
        Option(
            "--expand-env",
            "yes|no",
            values.switch,
            "no",
            "replace $NAME, ${NAME}, ${NAME:-default} and $$ in the command and its arguments, without a shell",
            implied="yes",
        ),
    ),
    "Where pyinit is not PID 1": (
        Option(
            "--subreaper",
            "auto|yes|no",
            values.auto_or_switch,
            AUTO,
            "adopt orphans (auto: try it, warn where it fails; yes: refuse to start where it fails)",
            implied=YES,
        ),
        Option(
            "--parent-death-signal",
            "SIG",
            values.optional_signal,
            "none",
            "the signal that we receive when our parent dies",
        ),
    ),
    "Log": (
        Option(
            "--log-level",
            "error|warning|info|debug",
            values.one_of("error", "warning", "info", "debug"),
            "info",
            "info tells of stops only",
        ),
        Option("--log-format", "text|json", values.one_of("text", "json"), "text", "json is one object per line"),
        Option(
            "--termination-log",
            "PATH",
            values.optional_text,
            TERMINATION_LOG,
            "add one line of summary to this file at the end; by default only where it exists",
        ),
    ),
}

#: Variables that begin like ours and are none of the options: what we tell a pre-stop command.
TOLD = frozenset({"PYINIT_SIGNAL", "PYINIT_COMMAND_PID"})

#: The variable that tells that we are inside Kubernetes: the kubelet sets it in every container.
OF_KUBERNETES = "KUBERNETES_SERVICE_HOST"

HELP_WIDTH = 74  # columns of text, behind the indentation

USAGE = "pyinit [options] [--] command [argument ...]"


class Parsed(Record):
    """What parse() found: the config, the command (or the string of -c and its arguments), and warnings to log."""

    config: Config
    command: tuple[str, ...]
    script: str | None
    warnings: tuple[str, ...]


def all_options() -> list[Option]:
    """Every option, without its heading."""
    return [option for group in OPTIONS.values() for option in group]


def _distance(one: str, other: str) -> int:
    """How many letters to insert, delete or replace to get from one word to another (Levenshtein)."""
    row = list(range(len(other) + 1))
    for index, letter in enumerate(one, 1):
        above, row[0] = row[0], index
        for column, counterpart in enumerate(other, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (letter != counterpart))
    return row[-1]


def nearest(word: str, known: list[str]) -> str:
    """The known word that is most like the given one: one that begins with it, if any."""
    return min(known, key=lambda candidate: (not candidate.startswith(word), _distance(word[:64], candidate)))


def _value(option: Option, text: str, name: str) -> object:
    try:
        return option.parse(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _flags(words: list[str]) -> tuple[dict[str, list[str]], str | None, list[str]]:
    """Take the options off the front: texts by flag, the string of -c, and the words that are left."""
    known = {option.flag: option for option in all_options()}
    given: dict[str, list[str]] = {}
    while words and words[0].startswith("-") and words[0] != "-":
        word, *words = words
        if word == "--":
            break
        if word == "-c":
            if not words:
                raise UsageError("-c: a command string must follow, as with sh -c")
            return given, words[0], words[1:]
        if word in ("-h", "--help", "--version"):
            raise Asked("--version" if word == "--version" else "--help")
        flag, equals, text = word.partition("=")
        if flag in ("--help", "--version"):
            raise UsageError(f"{flag}: takes no value")
        option = known.get(flag)
        if option is None and flag.startswith(TOOLS):
            raise UsageError(f"{flag}: stands first, and alone: it runs no command (pyinit --help shows how)")
        if option is None:
            candidate = nearest(flag, [*known, "--help", "--version", "-c"])
            shown = flag if flag.isprintable() else ascii(flag)
            raise UsageError(f"{shown}: no such option; did you mean {candidate}? (pyinit --help lists them)")
        if not equals:
            if option.implied is not None:
                text = option.implied
            elif words:
                text, *words = words
            else:
                raise UsageError(f"{flag}: a value must follow: {flag} {option.metavar}")
        given.setdefault(flag, []).append(text)
    return given, None, words


def _is_pyinit(command: list[str]) -> bool:
    """Whether the command is a pyinit that runs a command itself."""
    return bool(command) and command[0].rpartition("/")[2] == "pyinit" and not "".join(command[1:2]).startswith(TOOLS)


def parse(words: list[str], environ: "Mapping[str, str]", defaults: "Mapping[str, str] | None" = None) -> Parsed:
    """Read the command line and the environment.

    `defaults` are texts by flag, in place of the option's own: those of the name that we are called by. They do not hold
    where the command is a pyinit by its own name.

    Raises UsageError for what cannot be understood, and Asked for --help and --version.
    """
    given, script, command = _flags(words)
    while script is None and _is_pyinit(command):
        # An image with ENTRYPOINT ["pyinit", "--"] and SHELL ["pyinit", "-c"] runs `pyinit -- pyinit -c "..."`. That is
        # one pyinit, not two that each wait out the pre-stop delay; the inner one's options win.
        inner, script, command = _flags(command[1:])
        defaults = None
        for flag, texts in inner.items():
            given[flag] = given.get(flag, []) + texts
    if script is None and not command:
        raise UsageError(f"no command given: {USAGE}")

    fields: dict[str, object] = {}
    names: dict[str, str] = {}
    for option in all_options():
        sources = [(option.flag, text) for text in given.get(option.flag, [])]
        if environ.get(option.variable) and (option.merges or not sources):
            text = environ[option.variable]
            sources[:0] = [(option.variable, one) for one in (values.separate(text) if option.gathers else [text])]
        if sources:
            names[option.field] = sources[-1][0]
            found = [_value(option, text, name) for name, text in sources]
        else:
            found = [option.parse((defaults or {}).get(option.flag, option.default))]
        if option.merges:
            fields[option.field] = {key: value for pairs in found for key, value in pairs.items()}  # type: ignore[attr-defined]  # every parser of a merging option makes a dict
        elif option.gathers:
            fields[option.field] = tuple(one for several in found for one in several)  # type: ignore[attr-defined]  # ... a tuple
        else:
            fields[option.field] = found[-1]
    if fields["unready_at"] == AUTO:
        fields["unready_at"] = AT_SIGNAL if environ.get(OF_KUBERNETES) else AT_REQUEST
    config, warnings = _together(fields, names)
    variables = [option.variable for option in all_options()]
    warnings += [
        f"{name if name.isprintable() else ascii(name)} is no variable of pyinit; "
        f"did you mean {nearest(name, variables)}? It is ignored"
        for name in sorted(environ)
        if name.startswith("PYINIT_") and name not in variables and name not in TOLD
    ]
    return Parsed(config, tuple(command), script, tuple(warnings))


def read(words: list[str], environment: "Mapping[bytes, bytes]", defaults: "Mapping[str, str]") -> Parsed:
    """parse() with the environment as it was given to us."""
    known = (name for name in environment if name.startswith(b"PYINIT_") or name == OF_KUBERNETES.encode())
    ours = {system.decode(name): system.decode(environment[name]) for name in known}
    return parse(words, ours, defaults)


def _together(fields: dict[str, object], names: dict[str, str]) -> tuple[Config, list[str]]:
    """The Config, and warnings, of options that are good each by itself. Raises UsageError where they cannot all be meant.

    `names` are those that were given, by field: a flag, or a variable.
    """
    warnings = []
    config = Config(**fields)  # type: ignore[arg-type]  # one per option
    if "pre_stop_min" not in names:
        fields["pre_stop_min"] = min(config.pre_stop_min, config.pre_stop_max)
    if config.pre_stop_until and (config.pre_stop is None or config.pre_stop_delay == 0):
        missing = "--pre-stop-delay" if config.pre_stop else "--pre-stop"
        warnings.append(f"{names['pre_stop_until']}: of no use without {missing}; it is ignored")
        fields["pre_stop_until"] = False
    config = Config(**fields)  # type: ignore[arg-type]  # as above
    delay, timeout, grace = config.pre_stop_delay, config.stop_timeout, config.grace_period
    if delay is None and config.pre_stop_min > config.pre_stop_max:
        at_most = names.get("pre_stop_max", "the default of --pre-stop-max")
        raise UsageError(
            f"{names['pre_stop_min']}: {config.pre_stop_min:g} s is above {at_most}, {config.pre_stop_max:g} s: "
            "lower the one or raise the other"
        )
    if delay is None and timeout is not None and grace is not None and grace + QUEUES_MAY_TAKE >= timeout:
        raise UsageError(
            f"{names['grace_period']}: {grace:g} s leave no time for a delay, of {timeout:g} s ({names['stop_timeout']}): "
            "lower the one or raise the other"
        )
    if delay is None and config.pre_stop_quiet > config.longest_delay:
        warnings.append(
            f"--pre-stop-quiet ({config.pre_stop_quiet:g} s) is above the longest delay ({config.longest_delay:g} s): "
            "the delay will always be the longest"
        )
    if config.start_timeout is not None and not config.ready:
        raise UsageError(f"{names['start_timeout']}: of no use without --ready, which says what there is to wait for")
    if delay and timeout is not None and delay + QUEUES_MAY_TAKE + (grace or 0) > timeout:
        needs = f"{delay:g} s, 1 s for the accept queues" + (f" and {grace:g} s of grace" if grace else "")
        warnings.append(
            f"{names['pre_stop_delay']}: {needs} are more than {timeout:g} s ({names['stop_timeout']}): SIGKILL comes first"
        )
    return config, warnings


def to_execute(parsed: Parsed, environment: "Mapping[bytes, bytes]") -> list[str]:
    """The words to execute: those given, expanded where asked for; or those that -c makes. Raises UsageError.

    No method of Parsed: by that it would hold on to all of this module, in PID 1, for as long as it lives.
    """
    if parsed.script is None and not parsed.config.expand_env:
        return list(parsed.command)
    from pyinit import words

    if parsed.script is not None:
        return words.as_shell(parsed.script, parsed.command, environment)
    try:
        return [words.expand(word, words.getter(environment)) for word in parsed.command]
    except ValueError as error:
        raise UsageError(f"--expand-env: {error}") from None


def answer(flag: str) -> str:
    """What is printed for "--help" or "--version"."""
    return help_text() if flag == "--help" else version_text("pyinit ")


def version_text(name: str) -> str:
    """What --version prints; `name` is all that comes before the figures.

    In the form that dockerd understands of the init that it is given (`docker info` shows what follows "git."): two parts
    with " - " in between, of which the second has one dot, or its log has a warning.
    """
    return f"{name}{pyinit.__version__} - git.pyinit-{pyinit.__version__.replace('.', '-')}\n"


def help_text() -> str:
    """What --help prints."""
    lines = [
        f"usage: {USAGE}",
        "       pyinit [options] -c STRING [argument ...]",
        "       pyinit --probe TARGET [--probe-expect STATUS|TEXT] [--probe-timeout SECONDS]",
        "       pyinit --status [--json]",
        "       pyinit --install PATH",
        "",
        "Run a command as PID 1 of a container: forward signals to its process group,",
        "from the top down; reap zombies; let everybody finish; exit with its status.",
        "",
        "  -c STRING",
        "      as sh -c: a simple command is expanded and executed directly, anything",
        '      else by /bin/sh; for SHELL ["pyinit", "-c"] in a Dockerfile',
        "  -h, --help, --version",
        "",
        "In a running container:",
        "  --probe TARGET",
        *_wrapped(
            "ask once whether all is well, and exit with 0 or 1: http://ADDRESS:PORT/PATH (status 2xx or 3xx), https:// (any "
            "certificate, where Python has ssl), tcp:PORT, tcp:ADDRESS:PORT, unix:/PATH, unix:@NAME, exec:COMMAND, file:/PATH, "
            "or pyinit (what PID 1 says of itself)"
        ),
        "  --probe-expect STATUS|TEXT",
        *_wrapped("an HTTP answer must have this status (204, 200-299, 200,404), or this text in it (text:204)"),
        "  --probe-timeout SECONDS   [default 5]",
        "  --status",
        *_wrapped("show the phase, the processes, what a stop would do to each, and the ports; --json for programs"),
    ]
    lines += [
        "",
        "On a host, and in an init container:",
        "  --install PATH",
        *_wrapped("copy the static binary to this path"),
    ]
    for heading, group in OPTIONS.items():
        lines += ["", f"{heading}:"]
        for option in group:
            value = f"[={option.metavar}]" if option.implied is not None else f" {option.metavar}"
            default = option.default or "none"
            lines += [f"  {option.flag}{value}   [{option.variable}; default {default}]", *_wrapped(option.help)]
    lines += [
        "",
        "Times: seconds (5, 2.5) or units (500ms, 1m30s).",
        "Signals: names or numbers (TERM, SIGUSR1, RTMIN+3, 15).",
        "Exit status: the command's own; 128+n where signal n killed it; 127 not found;",
        "126 not executable; 125 a fault of pyinit or of its options.",
    ]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) > HELP_WIDTH:
            lines.append("      " + line.rstrip())
            line = ""
        line += word + " "
    return [*lines, "      " + line.rstrip()]
