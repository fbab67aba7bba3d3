"""PI107 to PI110: health checks, inits, who reaps, and who may signal whom."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

from pyinit.check import commands, launch, script
from pyinit.check.chain import Subject
from pyinit.check.model import At, Edit, Finding, Words
from pyinit.check.place import Place
from pyinit.check.rules.standing import background_servers, called
from pyinit.probe import target
from pyinit.settings.words import SHELL_WORDS


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
            mend=f"install it, or ask with `pyinit --probe {_probe_target(text)}`{_of_tls(text)}",
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


#: How a check names whom it asks: a URL; the address of grpc_health_probe; the host and the port of nc.
URL = re.compile(r"https?://[^\s\"'`;|&()<>,]+")
GRPC_ADDRESS = re.compile(r"grpc_health_probe\b.*?-addr[=\s\",]+[\w.-]*:(\d+)")
NC_ADDRESS = re.compile(r"\bnc(?:at)?\b.*?[\s\"](?:127\.0\.0\.1|localhost|0\.0\.0\.0|::1)[\s\",]+(\d+)")

#: Where nothing is known.
ANY_TARGET = "http://127.0.0.1:8080/"


def _probe_target(text: str) -> str:
    """The target of pyinit --probe that asks what a check asks; an example where that cannot be told."""
    for pattern, form in ((URL, "{0}"), (GRPC_ADDRESS, "tcp:{1}" if "-tls" in text else "grpc:{1}"), (NC_ADDRESS, "tcp:{1}")):
        found = pattern.search(text)
        if found:
            try:
                return target.parse(form.format(found[0], *found.groups())).text
            except ValueError:  # a name that would have to be resolved, a variable
                continue
    return ANY_TARGET


def _of_tls(text: str) -> str:
    """What is to be known where the target is https://."""
    asked = target.parse(_probe_target(text))
    return f" (the static binary has no TLS, and asks tcp:{asked.port})" if asked.kind == target.HTTPS else ""


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
                f"{called(job)} becomes a child of {first.name}, which does not wait for it: it stays as a zombie when it "
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


CHECKS = (pi107, pi108, pi109, pi110)
