"""PI101 to PI106: what the image starts, in which form, and by which signal it is asked to stop."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator

from pyinit.check import commands, launch, script
from pyinit.check.chain import Subject
from pyinit.check.dockerfile import Dockerfile, Instruction
from pyinit.check.image import PYINIT, Image
from pyinit.check.launch import Step
from pyinit.check.model import At, Edit, Finding
from pyinit.check.rules.scripts import serves
from pyinit.check.rules.standing import called, init_before, instruction_at, runs_on, standing, what_runs

#: What `others` of the delivery's table says of signals by which work is lost.
LOSES = re.compile(r"at once|dies|kills|loses|cuts|restarts|reloads|stacks|reopens|logs")

#: Signals that cannot be caught, so that no program can finish its work.
UNCATCHABLE = ("KILL", "STOP", "9", "19")

#: Scripts of images that execute a program under another name.
STANDS_FOR = {"apache2-foreground": "apache2", "httpd-foreground": "httpd", "apachectl": "apache2", "apache2ctl": "apache2"}


def pi101(subject: Subject) -> Iterator[Finding]:
    """The shell form, where a shell stays in front of the program."""
    if subject.workload is not None:
        return
    for number, step in standing(subject):
        if step.kind != launch.SHELL or not step.is_shell_form or step.executes is not False or step.script is None:
            continue
        if any(True for _ in script.traps(step.script.statements)):
            continue
        running = [tail for tail in what_runs(step.script) if runs_on(tail, subject) and not tail.is_exec]
        before_others = [one for one in step.script.statements if serves(one, step.script)] if not running else []
        if not running and not before_others:
            continue
        program = called((running or before_others)[0])
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
            mend=f"write it as a JSON array, or put `exec` before {program}"
            if running
            else f'start {program} last, by `exec`; or SHELL ["pyinit", "-c"], which tells it as it is',
            edits=_exec_form(subject.image, step, running),
            is_safe=True,
        )


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
        and _split(step.text or "") == tail.words
    )
    if is_simple:
        return (Edit(source.path, start, end, json.dumps(list(tail.words), ensure_ascii=False)),)
    return _exec_before(source, instruction, instruction.text, tail, 0)


def _split(text: str) -> tuple[str, ...] | None:
    """Words as another reader has them: where the two differ, none of them is believed."""
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return None


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
        running = [tail for tail in what_runs(step.script) if runs_on(tail, subject) and not tail.is_exec]
        if not running or not step.script.is_whole:
            continue
        program = called(running[0])
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
        edits=_stop_signal(subject, wanted[0]),
    )


def _stop_signal(subject: Subject, wanted: str) -> tuple[Edit, ...]:
    """Another STOPSIGNAL in the place of the Dockerfile's own one, or before what it starts; nothing for a manifest."""
    image = subject.image
    if subject.workload is not None or image is None:
        return ()
    declared = instruction_at(image, image.stop_place) if image.stop_place is not None else None
    if declared is not None:
        source, instruction = declared
        return (Edit(source.path, instruction.offsets[0], instruction.offsets[-1], f"SIG{wanted}"),)
    starts = [instruction_at(image, words.place) for words in (image.entrypoint, image.command) if words is not None]
    own = sorted((one for one in starts if one is not None), key=lambda one: one[1].start)
    return (Edit(own[0][0].path, own[0][1].start, own[0][1].start, f"STOPSIGNAL SIG{wanted}\n"),) if own else ()


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


CHECKS = (pi101, pi102, pi103, pi104, pi105, pi106)
