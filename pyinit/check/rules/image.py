"""PI1..: what the image starts, and how."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

from pyinit.check import commands, launch, script
from pyinit.check.chain import Subject
from pyinit.check.dockerfile import Dockerfile, Instruction
from pyinit.check.image import PYINIT, Image
from pyinit.check.launch import Step
from pyinit.check.model import At, Edit, Finding, Place, Words
from pyinit.words import SHELL_WORDS

#: What `others` of the delivery's table says of signals by which work is lost.
LOSES = re.compile(r"at once|dies|kills|loses|cuts|restarts|reloads|stacks|reopens|logs")

#: Signals that cannot be caught, so that no program can finish its work.
UNCATCHABLE = ("KILL", "STOP", "9", "19")

#: Scripts of images that execute a program under another name.
STANDS_FOR = {"apache2-foreground": "apache2", "httpd-foreground": "httpd", "apachectl": "apache2", "apache2ctl": "apache2"}


def instruction_at(image: Image | None, place: Place) -> tuple[Dockerfile, Instruction] | None:
    """The instruction of a Dockerfile that begins at a place."""
    if image is None or image.source is None or image.source.path != place.path:
        return None
    for instruction in image.source.instructions:
        if image.source.place(instruction.start, instruction.end).line == place.line:
            return image.source, instruction
    return None


def standing(subject: Subject) -> Iterator[tuple[int, Step]]:
    """The steps that are PID 1, or that another init has as its child, with their number: those whose faults count.

    Behind pyinit no shell stands in the way; behind one that stays nothing is PID 1.
    """
    if subject.launch.is_held:
        return
    for number, step in enumerate(subject.launch.steps):
        yield number, step
        if step.kind != launch.INIT and step.executes is not True:
            return


def init_before(subject: Subject, number: int) -> str:
    """The other init that stands before a step, or nothing."""
    return next((step.name for step in subject.launch.steps[:number] if step.kind == launch.INIT), "")


def _what_runs(parsed: script.Script | None) -> list[script.Statement]:
    return launch.tails(parsed.statements, parsed.functions) if parsed is not None else []


def goes_on(words: commands.Known, subject: Subject) -> bool:
    """Whether a command goes on until it is told to stop: by its name and options, or because the container is a service."""
    if not words or words[0] is None or commands.is_short(words) or commands.daemonizes(words):
        return False
    return commands.looks_like_server(words) or subject.is_service


def _runs_on(tail: script.Statement, subject: Subject) -> bool:
    """Whether a last command goes on until it is told to stop, as far as can be known."""
    if tail.kind == script.PIPELINE:
        return any(commands.is_server(part.words) for part in tail.parts if part.kind == script.COMMAND)
    if tail.kind != script.COMMAND or tail.is_background:
        return False
    words = tail.words[1:] if tail.is_exec else tail.words
    return goes_on(words, subject)


def pi101(subject: Subject) -> Iterator[Finding]:
    """The shell form, where a shell stays in front of the program."""
    if subject.workload is not None:
        return
    for number, step in standing(subject):
        if step.kind != launch.SHELL or not step.is_shell_form or step.executes is not False or step.script is None:
            continue
        if any(True for _ in script.traps(step.script.statements)):
            continue
        running = [tail for tail in _what_runs(step.script) if _runs_on(tail, subject)]
        if not running:
            continue
        program = _called(running[0])
        init = init_before(subject, number)
        where = f"between {init} and {program}" if init else f"as PID 1, and {program} is its child"
        told = (
            "dies of SIGTERM, and the program with it" if init else "does not pass SIGTERM on: the program is killed at the end"
        )
        yield Finding(
            "PI101",
            f"the shell form keeps a shell {where}; it {told}",
            step.place,
            subject.chain,
            mend=f"write it as a JSON array, or put `exec` before {program}",
            edits=_exec_form(subject.image, step, running),
            is_safe=True,
        )


def _called(tail: script.Statement) -> str:
    if tail.kind == script.PIPELINE:
        return commands.base(next((part.words[0] for part in tail.parts if part.words), None)) or "the pipeline"
    words = tail.words[1:] if tail.is_exec else tail.words
    return commands.base(words[0] if words else None) or "the program"


def _exec_form(image: Image | None, step: Step, running: list[script.Statement]) -> tuple[Edit, ...]:
    """The shell form as a JSON array where no shell is needed, else with `exec` before its last command."""
    found = instruction_at(image, step.place)
    if found is None or step.script is None or len(running) != 1 or running[0].kind != script.COMMAND:
        return ()
    source, instruction = found
    tail = running[0]
    start, end = instruction.offsets[0], instruction.offsets[-1]
    is_simple = (
        len(step.script.statements) == 1
        and step.script.statements[0].kind == script.COMMAND
        and not tail.is_redirected
        and not tail.has_assignments
        and all(word is not None and word != script.ARGUMENTS for word in tail.words)
        and not any(character in (step.text or "") for character in "*?[~`")
    )
    if is_simple:
        return (Edit(source.path, start, end, json.dumps(list(tail.words), ensure_ascii=False)),)
    return _exec_before(source, instruction, instruction.text, tail, 0)


def _exec_before(
    source: Dockerfile, instruction: Instruction, text: str, tail: script.Statement, shift: int
) -> tuple[Edit, ...]:
    at = tail.start + shift
    if tail.has_assignments or at >= len(instruction.offsets) or text[at : at + 1].strip() == "":
        return ()  # `A=1 exec app` is right, too, but `exec` has to stand behind the assignments
    offset = instruction.offsets[at]
    return (Edit(source.path, offset, offset, "exec "),)


def pi102(subject: Subject) -> Iterator[Finding]:
    """`sh -c` in exec form, where the shell stays."""
    for number, step in standing(subject):
        if step.kind != launch.SHELL or step.is_shell_form or step.executes is not False or step.script is None:
            continue
        if any(True for _ in script.traps(step.script.statements)):
            continue
        running = [tail for tail in _what_runs(step.script) if _runs_on(tail, subject) and not tail.is_exec]
        if not running or not step.script.is_whole:
            continue
        program = _called(running[0])
        init = init_before(subject, number)
        found = instruction_at(subject.image, step.place)
        edits: tuple[Edit, ...] = ()
        if found is not None and len(running) == 1 and running[0].kind == script.COMMAND and step.text:
            source, instruction = found
            at = instruction.text.find(step.text)
            if at >= 0:
                edits = _exec_before(source, instruction, instruction.text, running[0], at)
        yield Finding(
            "PI102",
            f"`{step.name} -c` stays {'below ' + init if init else 'as PID 1'}, and {program} never hears of the stop",
            step.place,
            subject.chain,
            mend=f"put `exec` before {program}, or start it without a shell",
            edits=edits,
        )


def pi103(subject: Subject) -> Iterator[Finding]:
    """npm, yarn, su, sudo in front of the program."""
    for number, step in standing(subject):
        if step.kind != launch.WRAPPER or commands.is_task(step.words):
            continue
        init = init_before(subject, number)
        how = f"stands between {init} and the program" if init else "is PID 1"
        yield Finding(
            "PI103",
            f"{step.name} {how}: it {commands.STAYING[step.name]}",
            step.place,
            subject.chain,
            mend=_instead_of(step.name),
        )


def _instead_of(name: str) -> str:
    if name in ("su", "sudo", "runuser"):
        return "set USER in the image or the user in the manifest, or use `setpriv` or `gosu`, which execute"
    return "start what it starts: `node server.js`"


def pi104(subject: Subject) -> Iterator[Finding]:
    """A stop signal by which the program loses its work."""
    signal = subject.stop_signal
    if signal is None or subject.launch.is_held or signal.value in UNCATCHABLE:
        return
    first = subject.launch.first
    if first is None or first.kind != launch.PROGRAM:
        return
    words = (STANDS_FOR.get(first.name, first.words[0]), *first.words[1:])
    if commands.is_task(first.words):
        return
    row = commands.row_of(words)
    name = commands.name_of(words)
    if row is not None and row.what == "application":
        wanted = row.graceful
        at = signal.value
        text = row.others.get(at, "")
        for _ in range(3):
            same = re.match(r"as ([A-Z0-9]+)", text)
            if not same:
                break
            at = same[1]
            text = row.others.get(at, "")
        is_idle = text == "stops at once" and row.hurry == signal.value  # memcached, which has no work that is cut
        if signal.value in wanted or at in wanted or not LOSES.search(text or "") or is_idle:
            return
        what = text.partition(";")[0]
    elif signal.value == "WINCH" and (name in commands.SERVERS or commands.is_interpreter(first.words[0])):
        wanted, what = ("TERM",), "ignores it, and is killed at the end of the grace period"
    else:
        return
    declared = "declared" if subject.image is not None and subject.image.stop_place == signal.place else "the one that it gets"
    if subject.workload is not None and subject.workload.stop_signal == signal:
        declared = "set"
    yield Finding(
        "PI104",
        f"SIG{signal.value} is {declared}, at which {name} {what}; it finishes its work at SIG{wanted[0]}",
        signal.place if declared == "declared" else first.place,
        subject.chain,
        mend=f"STOPSIGNAL SIG{wanted[0]}",
    )


def pi105(subject: Subject) -> Iterator[Finding]:
    """STOPSIGNAL KILL or STOP."""
    found: list[At[str]] = []
    if subject.workload is None:
        if subject.image is not None and subject.image.stop_place is not None and subject.image.stop_signal is not None:
            found.append(At(subject.image.stop_signal, subject.image.stop_place))
    elif subject.workload.stop_signal is not None:
        found.append(subject.workload.stop_signal)
    for signal in found:
        if signal.value in UNCATCHABLE:
            name = {"9": "KILL", "19": "STOP"}.get(signal.value, signal.value)
            yield Finding(
                "PI105",
                f"no program can catch SIG{name}: nothing is finished, and nothing is told",
                signal.place,
                subject.chain,
                mend="SIGTERM, or leave it out",
            )


def pi106(subject: Subject) -> Iterator[Finding]:
    """A shell-form ENTRYPOINT, which drops CMD or stands before pyinit."""
    image = subject.image
    if image is None or image.source is None or image.entrypoint is None or image.entrypoint.shell_form is None:
        return
    entrypoint = image.entrypoint
    if subject.workload is not None:
        if subject.workload.command is not None and subject.workload.entrypoint is None:
            yield Finding(
                "PI106",
                "the image's ENTRYPOINT is in shell form, which drops these arguments",
                subject.workload.command.place,
                subject.chain,
                mend="write ENTRYPOINT as a JSON array",
            )
        return
    if image.command is not None and "$@" not in (entrypoint.shell_form or "") and "$0" not in (entrypoint.shell_form or ""):
        yield Finding(
            "PI106",
            "ENTRYPOINT is in shell form, so CMD is dropped",
            entrypoint.place,
            (image.command.place, entrypoint.place),
            mend="write ENTRYPOINT as a JSON array",
        )
        return
    is_ours = image.shell == PYINIT
    try:
        words = shlex.split(entrypoint.shell_form or "")
    except ValueError:
        return
    if commands.is_pyinit(words) and not is_ours:
        yield Finding(
            "PI106",
            "ENTRYPOINT is in shell form, so a shell is started before pyinit, and arguments of the container are dropped",
            entrypoint.place,
            subject.chain,
            mend='ENTRYPOINT ["pyinit", "--"]',
        )


def pi107(subject: Subject) -> Iterator[Finding]:
    """A HEALTHCHECK that is asked every 30 s, or whose tool is not there."""
    image = subject.image
    if subject.workload is not None or image is None or image.healthcheck is None or image.source is None:
        return
    found = next((one for one in image.source.instructions if one is image.healthcheck), None)
    if found is None or found.text.strip().upper() == "NONE":
        return
    place = image.source.place(found.start, found.end)
    inner = re.match(r"CMD\s+(.*)", found.text.strip(), re.DOTALL | re.IGNORECASE)
    text = inner[1].strip() if inner else ""
    tool = _first_word(text)
    if tool and tool not in script.SHELLS and subject.tool(tool) is False:
        yield Finding(
            "PI107",
            f"{tool} is not in the image as far as its Dockerfile tells, so the container is never healthy",
            place,
            subject.chain,
            mend="install it, or ask with `pyinit --probe http://127.0.0.1:8080/`",
        )
    if "interval" not in found.flags and "start-interval" not in found.flags:
        offset = found.start + len("HEALTHCHECK")
        yield Finding(
            "PI107",
            "without --interval Docker asks every 30 s, and a new container is healthy 30 s after its start at the earliest",
            place,
            subject.chain,
            mend="HEALTHCHECK --interval=5s",
            edits=(Edit(image.source.path, offset, offset, " --interval=5s"),),
            is_safe=True,
        )


def _first_word(text: str) -> str:
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            return ""
        known = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
        if len(known) > 2 and commands.is_shell(known[0]) and known[1] == "-c":  # noqa: PLR2004 - sh -c TEXT
            return _first_word(known[2])
        return known[0] if known else ""
    try:
        words = shlex.split(text)
    except ValueError:
        return ""
    first = words[0] if words else ""
    return "" if not re.fullmatch(r"[\w./-]+", first) or first in SHELL_WORDS else first


def pi108(subject: Subject) -> Iterator[Finding]:
    """Two inits, or one that signals the wrapper together with the program."""
    steps = subject.launch.steps
    inits = [step for step in steps if step.kind in (launch.INIT, launch.PYINIT)]
    workload = subject.workload
    starts = workload is None or workload.entrypoint is not None or workload.command is not None
    if starts and len(inits) > 1:
        yield Finding(
            "PI108",
            f"two inits: {inits[0].name} starts {inits[1].name}",
            inits[1].place,
            subject.chain,
            mend=f"leave {'out ' + inits[0].name if inits[1].kind == launch.PYINIT else 'out ' + inits[1].name}",
        )
    if workload is not None and workload.init is not None and workload.init.value and inits:
        yield Finding(
            "PI108",
            f"two inits: the engine's, and {inits[0].name} of the image",
            workload.init.place,
            subject.chain,
            mend="leave this out: the image has one",
        )
    if workload is not None:
        return
    for step, following in pairwise(steps):
        stays = following.kind in (launch.SHELL, launch.SCRIPT) and following.executes is False
        if step.kind == launch.INIT and step.name != "dumb-init" and commands.is_group_wide(step.words) and stays:
            is_trapped = following.script is not None and any(True for _ in script.traps(following.script.statements))
            if not is_trapped:
                yield Finding(
                    "PI108",
                    f"{step.name} -g signals {following.name} as well, which dies at once, and all others with the container",
                    step.place,
                    subject.chain,
                    mend="let the script `exec` its program, or put pyinit in the place of " + step.name,
                )


def waits_for_ever(tails: list[script.Statement]) -> bool:
    """Whether a script ends in a command that does nothing but keep the container up."""
    return bool(tails) and all(tail.kind == script.COMMAND and waits_long(tail) and not tail.is_background for tail in tails)


#: Seconds of a foreground `sleep` that hold up a trap for long.
LONG_SLEEP = 10


def waits_long(statement: script.Statement) -> bool:
    """Whether a command only waits, and for long."""
    words = statement.words
    if statement.kind != script.COMMAND or statement.is_background or not words:
        return False
    if words[0] == "sleep" and len(words) > 1:
        text = words[1] or ""
        if text in ("infinity", "inf") or text.endswith(("d", "h", "m")):
            return True
        return text.rstrip("s").replace(".", "", 1).isdecimal() and float(text.rstrip("s")) > LONG_SLEEP
    return words[0] == "tail" and any(word and word.startswith("-") and "f" in word.lower() for word in words[1:])


def background_servers(parsed: script.Script) -> Iterator[script.Statement]:
    """Commands in the background that go on: known servers, and programs whose PID the script keeps."""
    everything = list(parsed.walk())
    keeps_up = bool(parsed.statements) and waits_for_ever(launch.tails(parsed.statements, parsed.functions))
    for statement in everything:
        words = statement.words
        if not statement.is_background or statement.kind != script.COMMAND or not words or words[0] in parsed.functions:
            continue
        behind = parsed.text[statement.end : statement.end + 80].lstrip(" \t&\n")
        is_kept = bool(re.match(r"(?:export\s+)?\w+=[\"']?\$!", behind)) and words[0] is not None
        stays = commands.looks_like_server(words) or ((is_kept or keeps_up) and not commands.is_short(words))
        if stays and words[0] is not None:
            yield statement


#: Programs that start helpers and leave their orphans to PID 1.
BROWSERS = re.compile(
    r"(?<![\w./-])(?:chromium(?:-browser)?|google-chrome-stable)(?![\w/-])|playwright install|puppeteer browsers install"
)


def pi109(subject: Subject) -> Iterator[Finding]:
    """A program as PID 1 that does not reap, where orphans are to be expected."""
    image, first = subject.image, subject.launch.first
    is_init = subject.workload is not None and subject.workload.init is not None and subject.workload.init.value
    if first is None or first.kind != launch.PROGRAM or subject.launch.is_held or is_init:
        return
    if any(step.kind == launch.INIT for step in subject.launch.steps):
        return
    for step in subject.launch.steps:
        if step.kind != launch.SCRIPT or step.script is None or step.executes is not True or commands.is_short(first.words):
            continue
        jobs = list(background_servers(step.script))
        for job in jobs[:1]:
            yield Finding(
                "PI109",
                f"{_called(job)} becomes a child of {first.name}, which does not wait for it: it stays as a zombie when it "
                "ends, "
                "and is killed when the other leaves",
                job.place,
                subject.chain,
                mend='put an init in front: ENTRYPOINT ["pyinit", "--"]',
            )
    if image is None or subject.workload is not None:
        return
    name = commands.base(first.words[0]).rstrip("0123456789.")
    for run in image.runs:
        if name in ("node", "python", "java") and BROWSERS.search(run.text):
            yield Finding(
                "PI109",
                f"a browser starts helpers whose orphans become children of PID 1, and {first.name} does not wait for them",
                first.place,
                (run.place, *subject.chain),
                mend='put an init in front: ENTRYPOINT ["pyinit", "--"]',
            )
            return


#: Programs that change the user and execute, and those that stay.
CHANGES_USER = ("gosu", "su-exec", "setpriv", "su", "sudo", "runuser", "chpst")


def pi110(subject: Subject) -> Iterator[Finding]:
    """Another user behind an init that has no right to signal it."""
    workload = subject.workload
    if workload is None or workload.node is None:
        return
    holder = next((step for step in subject.launch.steps if step.kind in (launch.PYINIT, launch.INIT)), None)
    if holder is None:
        return
    changer = _user_changer(subject)
    dropped = _dropped(subject)
    if changer is None or dropped is None:
        return
    yield Finding(
        "PI110",
        f"{changer.value} changes the user, and without CAP_KILL {holder.name} cannot signal another user's process",
        dropped,
        (*subject.chain, changer.place),
        mend="add KILL to the capabilities, or set the user in the manifest and leave the change out",
    )


def _user_changer(subject: Subject) -> At[str] | None:
    for step in subject.launch.steps:
        for word in step.line:
            if commands.base(word.value) in CHANGES_USER:
                return At(commands.base(word.value), word.place)
        for statement in step.script.walk() if step.script is not None else ():
            for at_word in statement.words[:2]:
                if statement.kind == script.COMMAND and commands.base(at_word) in CHANGES_USER:
                    return At(commands.base(at_word), statement.place)
    entry = subject.workload.entrypoint or subject.workload.command if subject.workload else None
    built = (subject.image.entrypoint, subject.image.command) if subject.image else ()
    words = [word for one in built for word in _words_of(one)]
    for at, named in enumerate([*words, *_words_of(entry)]):
        if commands.base(named) in CHANGES_USER and at:
            place = subject.image.entrypoint or subject.image.command if subject.image else None
            return At(commands.base(named), place.place if place else subject.launch.steps[0].place)
    return None


def _words_of(words: Words | None) -> tuple[str | None, ...]:
    return words.words if words else ()


def _dropped(subject: Subject) -> Place | None:
    """Where all capabilities are dropped, and KILL is not given back."""
    node = subject.workload.node if subject.workload else None
    if node is None:
        return None
    capabilities = node.get("securityContext", "capabilities")
    drop, add = capabilities.get("drop"), capabilities.get("add")
    if not drop:
        drop, add = node.get("cap_drop"), node.get("cap_add")
    dropped = [item.text.upper().removeprefix("CAP_") for item in drop]
    added = [item.text.upper().removeprefix("CAP_") for item in add]
    return drop.place if ("ALL" in dropped or "KILL" in dropped) and not {"KILL", "ALL"} & set(added) else None


CHECKS = (pi101, pi102, pi103, pi104, pi105, pi106, pi107, pi108, pi109, pi110)
