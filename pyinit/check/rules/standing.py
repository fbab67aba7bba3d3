"""What the rules of images and of scripts have in common: who stands in front, and what goes on until it is told to stop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyinit.check import commands, launch, script
from pyinit.check.chain import Subject
from pyinit.check.dockerfile import Dockerfile, Instruction
from pyinit.check.image import Image
from pyinit.check.launch import Step
from pyinit.check.model import Place


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


def what_runs(parsed: script.Script | None) -> list[script.Statement]:
    """The statements that a script may end in."""
    return launch.tails(parsed.statements, parsed.functions) if parsed is not None else []


def goes_on(words: commands.Known, subject: Subject) -> bool:
    """Whether a command goes on until it is told to stop: by its name and options, or because the container is a service."""
    if not words or words[0] is None or commands.is_short(words) or commands.daemonizes(words):
        return False
    return commands.looks_like_server(words) or subject.is_service


def runs_on(tail: script.Statement, subject: Subject) -> bool:
    """Whether a last command goes on until it is told to stop, as far as can be known."""
    if tail.kind == script.PIPELINE:
        return any(commands.is_server(part.words) for part in tail.parts if part.kind == script.COMMAND)
    if tail.kind != script.COMMAND or tail.is_background:
        return False
    words = tail.words[1:] if tail.is_exec else tail.words
    return goes_on(words, subject)


def called(tail: script.Statement) -> str:
    """What a command is called in a message."""
    if tail.kind == script.PIPELINE:
        return commands.base(next((part.words[0] for part in tail.parts if part.words), None)) or "the pipeline"
    words = tail.words[1:] if tail.is_exec else tail.words
    return commands.base(words[0] if words else None) or "the program"


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
