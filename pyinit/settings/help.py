"""PURE. What --help prints: the examples and the options that most have a use for; or with `all`, everything.

The manual page and the completions are made of the same texts.
"""

from pyinit.settings.options import OPTIONS, USAGE, version_text

WIDTH = 74  # columns of text, behind the indentation
BRIEF = 36  # columns of an option in the short help

#: All ways to call us.
USAGES = (
    USAGE,
    "pyinit [options] -c STRING [argument ...]",
    "pyinit --probe TARGET [--probe-expect STATUS|TEXT] [--probe-timeout SECONDS]",
    "pyinit --status [--json]",
    "pyinit --install PATH",
)

#: What we do, in a sentence.
PURPOSE = (
    "Run a command as PID 1 of a container: tell whoever handles the stop signal, reap zombies, let everybody finish, exit "
    "with the command's own status."
)

#: The flags of the tools, which have no variable: flag, name of the value, default, help.
OF_TOOLS: tuple[tuple[str, str, str, str], ...] = (
    (
        "--probe",
        "TARGET",
        "",
        (
            "ask once whether all is well, and exit with 0 or 1: http://ADDRESS:PORT/PATH (status 2xx or 3xx), https:// (any "
            "certificate, where Python has ssl), tcp:PORT, tcp:ADDRESS:PORT, unix:/PATH, unix:@NAME, "
            "grpc:[ADDRESS:]PORT[/SERVICE] (gRPC's own health check says SERVING, without TLS), exec:COMMAND, file:/PATH, or "
            "pyinit (what PID 1 says of itself)"
        ),
    ),
    (
        "--probe-expect",
        "STATUS|TEXT",
        "",
        "an HTTP answer must have this status (204, 200-299, 200,404), or this text in it (text:204)",
    ),
    ("--probe-timeout", "SECONDS", "5", ""),
    ("--status", "", "", "show the phase, the processes, what a stop would do to each, and the ports; --json for programs"),
    ("--install", "PATH", "", "copy the static binary to this path: for init containers, from an image that has no cp"),
)

#: -c, which has none either.
STRING = (
    "as sh -c: a simple command is expanded and executed directly, anything else by /bin/sh; "
    'for SHELL ["pyinit", "-c"] in a Dockerfile'
)

#: How values are written, and what the exit statuses mean: a word, and what there is to say of it.
NOTES = (
    ("Times", "seconds (5, 2.5) or units (500ms, 1m30s)."),
    ("Signals", "names or numbers (TERM, SIGUSR1, RTMIN+3, 15)."),
    (
        "Exit status",
        (
            "the command's own; 128+n where signal n killed it; 127 not found; 126 not executable; 125 a fault of pyinit or of "
            "its options."
        ),
    ),
)

EXAMPLES = """\
Examples, in a Dockerfile:
  ENTRYPOINT ["pyinit", "--", "./start.sh"]   in front of a script or a program
  SHELL ["pyinit", "-c"]                      for every shell form after it
  ENV PYINIT_PRE_STOP_DELAY=auto              serve until the traffic is quiet
"""

#: What most have a use for, in the short help: flag and text. A text must fit into its line.
BRIEFLY = {
    "--pre-stop-delay": "serve on so long after a stop request",
    "--stop-timeout": "what there is until SIGKILL comes",
    "--ignore-ports": "ports of probes and metrics",
    "--pre-stop": "run this first at a stop request",
    "--grace-period": "SIGKILL so long after the stop signal",
    "--stop-signal": "what the command gets at a stop",
    "--stop-on": "which signals ask for a stop",
    "--rewrite": "forward another signal",
    "--ready": "what says that it is ready",
    "--start-timeout": "stop what is not ready by then",
    "--health-listen": "serve /readyz, /livez, /startupz",
    "--map-status": "exit with another status",
    "--expand-env": "replace $NAME in the command's words",
    "--log-level": "what to say",
    "--log-format": "how to say it",
}


def answer(asked: str) -> str:
    """What is printed for "--version", "--help", "--help all", "--probe" or "--status"."""
    if asked == "--version":
        return version_text("pyinit ")
    if asked == "--help all":
        return everything()
    return short() if asked == "--help" else of_tool(asked)


def short() -> str:
    """What --help prints: two screens of 24 lines, 80 columns wide."""
    lines = [
        f"usage: {USAGE}",
        f"       {USAGES[1]}",
        "       pyinit --status [--json]",
        "       pyinit --probe TARGET",
        "",
        *EXAMPLES.splitlines(),
        "",
        *_paragraph(PURPOSE),
        "",
        f"  {'-c STRING':{BRIEF}} as sh -c; a shell only where needed",
        f"  {'-h, --help [all], --version':{BRIEF}} this; or everything",
        f"  {'--probe TARGET':{BRIEF}} for HEALTHCHECK: http://..., tcp:...",
        f"  {'--status':{BRIEF}} for docker exec: what a stop would do",
        "",
        "Options (each has a variable: --grace-period is PYINIT_GRACE_PERIOD, too):",
    ]
    options = {option.flag: option for group in OPTIONS.values() for option in group}
    for flag, text in BRIEFLY.items():
        value = f"[={options[flag].metavar}]" if options[flag].implied is not None else f" {options[flag].metavar}"
        lines.append(f"  {flag + value:{BRIEF}} {text}")
    lines += ["", *_notes(), "", "pyinit --help all shows all options, with their variables and defaults."]
    return "\n".join(lines) + "\n"


def everything() -> str:
    """What --help all prints."""
    usage, *others = USAGES
    lines = [f"usage: {usage}", *(f"       {other}" for other in others), "", *EXAMPLES.splitlines(), "", *_paragraph(PURPOSE)]
    lines += ["", "  -c STRING", *_wrapped(STRING), "  -h, --help [all], --version", "", "In a running container:"]
    for flag in dict.fromkeys(flag for flag, *_ in OF_TOOLS):
        lines += _tool(flag)
    for heading, group in OPTIONS.items():
        lines += ["", f"{heading}:"]
        for option in group:
            value = f"[={option.metavar}]" if option.implied is not None else f" {option.metavar}"
            default = option.default or "none"
            lines += [f"  {option.flag}{value}   [{option.variable}; default {default}]", *_wrapped(option.help)]
    return "\n".join([*lines, "", *_notes()]) + "\n"


def of_tool(flag: str) -> str:
    """What --help prints beside --probe or --status."""
    [usage] = [usage for usage in USAGES if flag in usage]
    lines = [line for other, *_ in OF_TOOLS if other.startswith(flag) for line in _tool(other)]
    return "\n".join([f"usage: {usage}", "", *lines]) + "\n"


def _tool(flag: str) -> list[str]:
    [(_, metavar, default, text)] = [row for row in OF_TOOLS if row[0] == flag]
    line = f"  {flag}{metavar and ' '}{metavar}" + (f"   [default {default}]" if default else "")
    return [line, *(_wrapped(text) if text else [])]


def _notes() -> list[str]:
    return [line for word, text in NOTES for line in _paragraph(f"{word}: {text}")]


def _paragraph(text: str) -> list[str]:
    return _wrapped(text, "", WIDTH + 4)


def _wrapped(text: str, indentation: str = "      ", width: int = WIDTH) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) > width:
            lines.append(indentation + line.rstrip())
            line = ""
        line += word + " "
    return [*lines, indentation + line.rstrip()]
