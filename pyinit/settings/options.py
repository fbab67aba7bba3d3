"""OPTIONS: every option once, with its environment variable, parser, default and help; and the parsing of them.

The command line is read first, then the environment for what the command line does not say, then the defaults. A value
that is no good raises UsageError with one line that names the option (or variable), the value and what is allowed.
"""

import pyinit
from pyinit.kernel import system
from pyinit.record import Record
from pyinit.settings import values
from pyinit.settings.config import (
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

    if TYPE_CHECKING:

        @property
        def field(self) -> str:
            """The field of Config."""

        @property
        def variable(self) -> str:
            """The environment variable."""

    else:

        def __init__(self, *values, **named):
            super().__init__(*values, **named)
            field = self.flag[2:].replace("-", "_")  # asked for several times at each start, so it is found out once
            self.__dict__.update(field=field, variable="PYINIT_" + field.upper())


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
            "SECONDS|auto|none",
            values.stop_timeout,
            AUTO,
            "what the orchestrator allows from its stop request to its SIGKILL (auto: what the platform allows as a rule, "
            "Kubernetes 30 s, Docker 10; none: all the time in the world); a delay of auto leaves the grace period of it, or "
            "a third, for finishing",
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
            "ready is when this holds: http://ADDRESS:PORT/PATH, tcp:PORT, grpc:PORT, unix:PATH, exec:COMMAND, file:PATH; or "
            "notify, when the command says so (sd_notify); repeatable: all must hold",
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
            values.log_level,
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


def _value(option: Option, text: str, name: str) -> object:
    try:
        return option.parse(text)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _flags(words: list[str]) -> tuple[dict[str, list[str]], str | None, list[str]]:
    """Take the options off the front: texts by flag, the string of -c, and the words that are left."""
    known = {option.flag: option for option in all_options()}
    given: dict[str, list[str]] = {}
    switch = ""  # the flag right before the command, if it is one that may have a value
    while words and words[0].startswith("-") and words[0] != "-":
        word, *words = words
        if word == "--":
            return given, None, words
        if word == "-c":
            if not words or words[0] == "--":
                note = "; dumb-init's -c is not needed: leave it out" if words else ""
                raise UsageError(f"-c: a command string must follow, as with sh -c{note}")
            return given, words[0], words[1:]
        if word in ("-h", "--help", "--help=all", "--version"):
            everything = word == "--help=all" or (word != "--version" and words[:1] == ["all"])
            raise Asked("--help all" if everything else "--version" if word == "--version" else "--help")
        flag, equals, text = word.partition("=")
        if flag in ("--help", "--version"):
            raise UsageError(f"{flag}: takes no value{' but all' if flag == '--help' else ''}")
        option = known.get(flag)
        if option is None and flag.startswith(TOOLS):
            raise UsageError(f"{flag}: stands first, and alone: it runs no command (pyinit --help shows how)")
        if option is None:
            from pyinit.settings import hints

            raise UsageError(hints.unknown_option(word, words, known))
        switch = flag if not equals and option.implied is not None else ""
        if not equals:
            if option.implied is not None:
                text = option.implied
            elif words and words[0] != "--" and words[0].partition("=")[0] not in known:
                text, *words = words
            else:
                from pyinit.settings import hints

                before = f" before {hints.shown(words[0])}" if words else ""
                raise UsageError(f"{flag}: a value must follow{before}: {flag} {option.metavar}")
        given.setdefault(flag, []).append(text)
    if switch and words[1:2] == ["--"]:
        from pyinit.settings import hints

        value = hints.shown(words[0])
        raise UsageError(f"{switch}: {words[0]!r} would be the command: a value follows an =: {switch}={value}")
    return given, None, words


def _is_pyinit(command: list[str]) -> bool:
    """Whether the command is a pyinit that runs a command itself."""
    return bool(command) and command[0].rpartition("/")[2] == "pyinit" and not "".join(command[1:2]).startswith(TOOLS)


def parse(
    words: list[str],
    environ: "Mapping[str, str]",
    defaults: "Mapping[str, str] | None" = None,
    get: "Callable[[str], str | None] | None" = None,
) -> Parsed:
    """Read the command line and the environment.

    `get` looks up variables that are none of ours, and tell of the platform; without it `environ` has them too.

    `defaults` are texts by flag, in place of the option's own: those of the name that we are called by. They do not hold
    where the command is a pyinit by its own name.

    Raises UsageError for what cannot be understood, and Asked for --help, --help all and --version.
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
        raise UsageError(f"no command given: {USAGE} (pyinit --help shows examples and options)")

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
    get = get or environ.get
    if fields["unready_at"] == AUTO:
        fields["unready_at"] = AT_SIGNAL if get(OF_KUBERNETES) else AT_REQUEST
    if fields["stop_timeout"] == AUTO:
        fields["stop_timeout"] = None
        if fields["pre_stop_delay"] != 0:
            fields["assumed"] = _assumed(get)
    config, warnings = _together(fields, names)
    variables = [option.variable for option in all_options()]
    for name in sorted(environ):
        if name.startswith("PYINIT_") and name not in variables and name not in TOLD:
            from pyinit.settings import hints

            warnings.append(hints.unknown_variable(name, variables))
    if script is None and ("&&" in command or "||" in command):
        from pyinit.settings import hints

        warnings += filter(None, [hints.joined(command)])
    return Parsed(config, tuple(command), script, tuple(warnings))


def read(words: list[str], environment: "Mapping[bytes, bytes]", defaults: "Mapping[str, str]") -> Parsed:
    """parse() with the environment as it was given to us."""
    known = (name for name in environment if name.startswith(b"PYINIT_"))
    ours = {system.decode(name): system.decode(environment[name]) for name in known}

    def get(name: str) -> str | None:
        value = environment.get(name.encode())
        return None if value is None else system.decode(value)

    return parse(words, ours, defaults, get)


def _assumed(get: "Callable[[str], str | None]") -> tuple[float, str]:
    from pyinit.settings import platforms  # only here: without a delay nobody asks

    return platforms.assumed(get)


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
    elif config.pre_stop_until and "pre_stop_timeout" in names:
        warnings.append(f"{names['pre_stop_timeout']}: of no use with {names['pre_stop_until']}: the delay is the time limit")
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
    if config.start_timeout is not None and not config.ready:
        raise UsageError(f"{names['start_timeout']}: of no use without --ready, which says what there is to wait for")
    return config, warnings + _too_long(config, names) + _beyond_delay(config, names) + _unsettled(config, names)


def _too_long(config: Config, names: dict[str, str]) -> list[str]:
    """A warning where what was given, one after the other, takes longer than there is time."""
    timeout, assumption = config.stop_timeout, ""
    if timeout is None and config.assumed is not None and config.pre_stop_delay:
        timeout, assumption = config.assumed  # for a delay that was given in seconds: it is kept
    if timeout is None:
        return []
    given = []  # the seconds, what they are for, and the option that says so
    if config.pre_stop_delay:
        given.append((config.pre_stop_delay, "", names.get("pre_stop_delay", "--pre-stop-delay")))
    has_hook = config.pre_stop is not None and not config.pre_stop_until and "pre_stop_timeout" in names
    if has_hook and config.pre_stop_timeout > (config.pre_stop_delay or 0) and not assumption:
        given = [(config.pre_stop_timeout, " for the pre-stop command", names["pre_stop_timeout"])]
    if given:
        given.append((QUEUES_MAY_TAKE, " for the accept queues", ""))
    contradicts = bool(assumption) and config.grace_period is not None and config.grace_period >= timeout
    if config.grace_period is not None and config.pre_stop_delay is not None and not contradicts:
        given.append((config.grace_period, " of grace" if given else "", names.get("grace_period", "--grace-period")))
    total = sum(time for time, _, _ in given)
    if not given or total < timeout or (total == timeout and given[-1][2]):
        return []
    *others, last = [f"{time:g} s{use}" for time, use, _ in given]
    needs = f"{given[0][2]}: {', '.join(others)} and {last}" if others else f"{given[0][2]}: {last}"
    if assumption:
        return [f"{needs} leave no time for finishing: {assumption} (--stop-timeout says what there is)"]
    more = "more than" if total > timeout else "all of"
    return [f"{needs} are {more} {timeout:g} s ({names.get('stop_timeout', '--stop-timeout')}): SIGKILL comes first"]


def _beyond_delay(config: Config, names: dict[str, str]) -> list[str]:
    """Warnings where what was given for a delay of auto cannot be, or be of use, because of something else that was given."""
    if config.pre_stop_delay:
        given = f"{names.get('pre_stop_delay', '--pre-stop-delay')} {config.pre_stop_delay:g}"
        only_auto = [names[field] for field in ("pre_stop_min", "pre_stop_max", "pre_stop_quiet") if field in names]
        return [f"{name}: of no use with {given}: it is for a delay of auto" for name in only_auto]
    if config.pre_stop_delay is not None:
        return []
    longest, limit = config.longest_delay, names.get("stop_timeout", "")
    by_timeout = config.stop_timeout is not None and longest < config.pre_stop_max
    if not by_timeout:
        longest, limit = config.pre_stop_max, names.get("pre_stop_max", "the default of --pre-stop-max")
    found = []
    for field, meaning in (
        ("pre_stop_min", "it will always be the longest"),
        ("pre_stop_max", "it will never be longer"),
        ("pre_stop_quiet", "it will always be the longest"),
    ):
        seconds: float = getattr(config, field)
        if field in names and seconds > longest:
            found.append(f"{names[field]}: {seconds:g} s are above the longest delay, {longest:g} s ({limit}): {meaning}")
    return found


def _unsettled(config: Config, names: dict[str, str]) -> list[str]:
    """A warning where those held back cannot get the signal before SIGKILL."""
    for field in ("grace_period", "stop_timeout"):
        limit: float | None = getattr(config, field)
        if limit is not None and field in names and "settle" in names and config.settle >= limit:
            text = f"{config.settle:g} s are not less than {limit:g} s ({names[field]})"
            return [f"{names['settle']}: {text}: those held back get SIGKILL before the signal"]
    return []


def to_execute(parsed: Parsed, environment: "Mapping[bytes, bytes]") -> list[str]:
    """The words to execute: those given, expanded where asked for; or those that -c makes. Raises UsageError.

    No method of Parsed: by that it would hold on to all of this module, in PID 1, for as long as it lives.
    """
    if parsed.script is None and not parsed.config.expand_env:
        return list(parsed.command)
    from pyinit.settings import words

    if parsed.script is not None:
        return words.as_shell(parsed.script, parsed.command, environment)
    try:
        return [words.expand(word, words.getter(environment)) for word in parsed.command]
    except ValueError as error:
        raise UsageError(f"--expand-env: {error}") from None


def version_text(name: str) -> str:
    """What --version prints; `name` is all that comes before the figures.

    In the form that dockerd understands of the init that it is given (`docker info` shows what follows "git."): two parts
    with " - " in between, of which the second has one dot, or its log has a warning.
    """
    return f"{name}{pyinit.__version__} - git.pyinit-{pyinit.__version__.replace('.', '-')}\n"
