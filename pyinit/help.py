"""PURE. What --help prints: the examples and the options that most have a use for; or with `all`, everything."""

from pyinit.options import OPTIONS, USAGE

WIDTH = 74  # columns of text, behind the indentation
BRIEF = 36  # columns of an option in the short help

PROBE_USAGE = "pyinit --probe TARGET [--probe-expect STATUS|TEXT] [--probe-timeout SECONDS]"
STATUS_USAGE = "pyinit --status [--json]"

EXAMPLES = """\
Examples, in a Dockerfile:
  ENTRYPOINT ["pyinit", "--", "./start.sh"]   in front of a script or a program
  SHELL ["pyinit", "-c"]                      for every shell form after it
  ENV PYINIT_PRE_STOP_DELAY=auto              serve until the traffic is quiet
"""

ABOUT = """\
Run a command as PID 1 of a container: tell whoever handles the stop signal,
reap zombies, let everybody finish, exit with the command's own status.
"""

NOTES = """\
Times: seconds (5, 2.5) or units (500ms, 1m30s).
Signals: names or numbers (TERM, SIGUSR1, RTMIN+3, 15).
Exit status: the command's own; 128+n where signal n killed it; 127 not found;
126 not executable; 125 a fault of pyinit or of its options.
"""

PROBE = (
    "ask once whether all is well, and exit with 0 or 1: http://ADDRESS:PORT/PATH (status 2xx or 3xx), https:// (any "
    "certificate, where Python has ssl), tcp:PORT, tcp:ADDRESS:PORT, unix:/PATH, unix:@NAME, exec:COMMAND, file:/PATH, "
    "or pyinit (what PID 1 says of itself)"
)
EXPECT = "an HTTP answer must have this status (204, 200-299, 200,404), or this text in it (text:204)"
STATUS = "show the phase, the processes, what a stop would do to each, and the ports; --json for programs"

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


def short() -> str:
    """What --help prints: two screens of 24 lines, 80 columns wide."""
    lines = [
        f"usage: {USAGE}",
        "       pyinit [options] -c STRING [argument ...]",
        f"       {STATUS_USAGE}",
        "       pyinit --probe TARGET",
        "",
        *EXAMPLES.splitlines(),
        "",
        *ABOUT.splitlines(),
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
    lines += ["", *NOTES.splitlines(), "", "pyinit --help all shows all options, with their variables and defaults."]
    return "\n".join(lines) + "\n"


def everything() -> str:
    """What --help all prints."""
    lines = [
        f"usage: {USAGE}",
        "       pyinit [options] -c STRING [argument ...]",
        f"       {PROBE_USAGE}",
        f"       {STATUS_USAGE}",
        "",
        *EXAMPLES.splitlines(),
        "",
        *ABOUT.splitlines(),
        "",
        "  -c STRING",
        "      as sh -c: a simple command is expanded and executed directly, anything",
        '      else by /bin/sh; for SHELL ["pyinit", "-c"] in a Dockerfile',
        "  -h, --help [all], --version",
        "",
        "In a running container:",
        *_probe(),
        *_status(),
    ]
    for heading, group in OPTIONS.items():
        lines += ["", f"{heading}:"]
        for option in group:
            value = f"[={option.metavar}]" if option.implied is not None else f" {option.metavar}"
            default = option.default or "none"
            lines += [f"  {option.flag}{value}   [{option.variable}; default {default}]", *_wrapped(option.help)]
    return "\n".join([*lines, "", *NOTES.splitlines()]) + "\n"


def of_tool(flag: str) -> str:
    """What --help prints beside --probe or --status."""
    usage, lines = (PROBE_USAGE, _probe()) if flag == "--probe" else (STATUS_USAGE, _status())
    return "\n".join([f"usage: {usage}", "", *lines]) + "\n"


def _probe() -> list[str]:
    return [
        "  --probe TARGET",
        *_wrapped(PROBE),
        "  --probe-expect STATUS|TEXT",
        *_wrapped(EXPECT),
        "  --probe-timeout SECONDS   [default 5]",
    ]


def _status() -> list[str]:
    return ["  --status", *_wrapped(STATUS)]


def _wrapped(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) > WIDTH:
            lines.append("      " + line.rstrip())
            line = ""
        line += word + " "
    return [*lines, "      " + line.rstrip()]
