"""The manual page pyinit(1), in man(7), from the table of options.

    python manual.py > pyinit.1

Its date is that of SOURCE_DATE_EPOCH, or where that is not set, that of options.py. What there is to say of an option stands in
pyinit/settings/options.py and help.py alone; here is what a page has beside it.
"""

import os
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from textwrap import wrap

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pyinit import __version__  # noqa: E402 - found by the line above
from pyinit.settings import help as texts  # noqa: E402
from pyinit.settings import options  # noqa: E402 - found by the line above

#: What an ASCII character is written as, so that no device makes a typographic one of it (groff_char(7)).
LITERAL = str.maketrans({"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"})

#: Bytes of a line of the source.
WIDTH = 78

SEE_ALSO = "kill(1), sh(1), tini(1), dumb-init(1), docker-run(1), podman-run(1), signal(7), pid_namespaces(7)"

DESCRIPTION = (
    (
        "The kernel gives PID 1 no signal that it does not handle, and kills every process of a container when PID 1 exits. A "
        "shell passes no signal on. So a start script, or the shell of a shell-form command, cuts its application off when the "
        "container is stopped."
    ),
    (
        "pyinit looks in /proc for the processes that handle the stop signal. It tells those first, holds back the shells and "
        "other wrappers above and beside them, and exits when no child is left."
    ),
)

STOPPING = (
    "The stop request (SIGTERM or SIGINT, as a rule) arrives.",
    "The command serves on for --pre-stop-delay, and until the --pre-stop command has exited. A second request ends this.",
    "Whoever would be PID 1 if every wrapper had used exec gets the stop signal, once.",
    "What the command leaves behind when it has exited gets the stop signal too, and may finish.",
    "What is left after --grace-period gets SIGKILL. By default the orchestrator decides on that.",
    "pyinit exits with the status of the command.",
)

EXAMPLES = (
    ("In front of a start script, in a Dockerfile:", 'ENTRYPOINT ["/usr/local/bin/pyinit", "--", "/start.sh"]'),
    (
        "In a base image, so that the images built on it need no change:",
        'SHELL ["/usr/local/bin/pyinit", "-c"]\nENTRYPOINT ["/usr/local/bin/pyinit", "--"]',
    ),
    (
        "Serve on after a stop request until the traffic has gone quiet:",
        "pyinit --pre-stop-delay auto --stop-timeout 30 -- server",
    ),
    ("A health check:", "pyinit --probe http://127.0.0.1:8080/healthz"),
    ("What a stop would do to each process:", "docker exec CONTAINER pyinit --status"),
)

TOOLS = "For docker exec, HEALTHCHECK and exec probes. The flag stands first, and no command is run."

ENVIRONMENT = (
    "Each option has a variable, which is named above. It holds where the command line does not give the option. A pre-stop "
    "command finds PYINIT_SIGNAL and PYINIT_COMMAND_PID in its environment."
)

FILES = (
    ("/proc", "tells who handles a signal. Without it the whole process group gets every signal at once."),
    ("/dev/termination-log", "gets a line of summary at the end, where it exists (--termination-log)."),
)


def literal(text: str) -> str:
    """Words as they are to be read."""
    return text.translate(LITERAL)


def lines_of(text: str) -> list[str]:
    """Text as lines of a length that people can read, none of which roff takes for a request."""
    found = wrap(literal(text), WIDTH, break_long_words=False, break_on_hyphens=False)
    return [rf"\&{line}" if line.startswith(".") else line for line in found]


def bold(text: str) -> str:
    """Words to be typed as they are."""
    return rf"\fB{literal(text)}\fR"


def value(text: str) -> str:
    """The name of a value: in italics what stands for something, in bold the words to choose from."""
    shown, word = [], ""
    for char in [*text, ""]:
        if char.isalpha():
            word += char
            continue
        if word:
            shown.append(rf"\fI{literal(word)}\fR" if word.isupper() else bold(word))
        shown.append(literal(char))
        word = ""
    return "".join(shown)


def synopsis(usage: str) -> str:
    """A way to call us: flags and the name in bold, names of values in italics."""
    words = []
    for word in usage.split():
        inner = word.strip("[]")
        before, _, behind = word.partition(inner)
        is_literal = inner == "pyinit" or inner.startswith("-")
        words.append(literal(before) + (bold(inner) if is_literal else rf"\fI{literal(inner)}\fR") + literal(behind))
    return " ".join(words)


def entry(tag: str, text: str, *notes: str) -> Iterator[str]:
    """One paragraph with a hanging tag, which is roff already; and lines of notes behind it."""
    yield ".TP"
    yield tag
    yield from lines_of(text if text.endswith(".") else f"{text}.")
    for note in notes:
        yield ".br"
        yield note


def of_option(option: options.Option) -> Iterator[str]:
    """An option, with its variable and default."""
    tag = bold(option.flag)
    tag += rf"[={value(option.metavar)}]" if option.implied is not None else f" {value(option.metavar)}"
    yield from entry(tag, option.help, f"{bold(option.variable)}; default: {literal(option.default or 'none')}")


def manual(epoch: float) -> str:
    """The page; `epoch` is its date, in seconds."""
    day = datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%d")
    lines = [
        r".\" Made by docker/packages/manual.py from pyinit/settings/options.py",
        f'.TH PYINIT 1 "{day}" "pyinit {__version__}" "User Commands"',
        ".nh",
        ".ad l",
        ".SH NAME",
        r"pyinit \- a PID 1 for containers",
        ".SH SYNOPSIS",
    ]
    for at, usage in enumerate(texts.USAGES):
        lines += [".br"] if at else []
        lines += [synopsis(usage)]
    lines += [".SH DESCRIPTION", *lines_of(texts.PURPOSE)]
    for paragraph in DESCRIPTION:
        lines += [".PP", *lines_of(paragraph)]
    lines += [".SS What happens on a stop"]
    for number, step in enumerate(STOPPING, 1):
        lines += [f".IP {number}. 4", *lines_of(step)]
    lines += [".SH OPTIONS", "An option may be given as", rf"{bold('--flag')} \fIvalue\fR", "or"]
    lines += [rf"{bold('--flag=')}\fIvalue\fR."]
    lines += ["Of one that is given several times the last counts, unless it is repeatable."]
    lines += entry(rf"{bold('-c')} \fISTRING\fR", texts.STRING)
    lines += entry(f"{bold('-h')}, {bold('--help')}", "show the options and leave")
    lines += entry(bold("--version"), "show the version and leave")
    for heading, group in options.OPTIONS.items():
        lines += [f'.SS "{literal(heading)}"']
        for option in group:
            lines += of_option(option)
    lines += [".SH TOOLS", *lines_of(TOOLS)]
    for flag, metavar, default, text in texts.OF_TOOLS:
        tag = bold(flag) + (f" {value(metavar)}" if metavar else "")
        lines += entry(tag, text or "the time limit", *([f"default: {default}"] if default else []))
    lines += [".SH VALUES"]
    for word, text in texts.NOTES[:-1]:
        lines += entry(bold(word), text)
    _, statuses = texts.NOTES[-1]
    lines += [".SH EXIT STATUS", *lines_of(f"{statuses[:1].upper()}{statuses[1:]} Of --probe: 0 or 1.")]
    lines += [".SH ENVIRONMENT", *lines_of(ENVIRONMENT), ".SH FILES"]
    for name, text in FILES:
        lines += entry(rf"\fI{literal(name)}\fR", text)
    lines += [".SH EXAMPLES"]
    for at, (title, example) in enumerate(EXAMPLES):
        lines += [".PP"] if at else []
        lines += [literal(title), ".PP", ".in +4n", ".nf", literal(example), ".fi", ".in"]
    lines += [".SH SEE ALSO"]
    for page in SEE_ALSO.split():
        name, parenthesis, section = page.partition("(")
        lines += [bold(name) + parenthesis + section]
    return "\n".join(lines) + "\n"


def date() -> float:
    """Of the page: seconds since the epoch."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return float(given) if given else Path(options.__file__).stat().st_mtime


if __name__ == "__main__":
    sys.stdout.write(manual(date()))
