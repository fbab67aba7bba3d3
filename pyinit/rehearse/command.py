"""The command line of pyinit-rehearse, and the order of things."""

import argparse
import contextlib
import json
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import requests
from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound

from pyinit.rehearse import (
    arms,
    binary,
    compose,
    contents,
    crew,
    document,
    elsewhere,
    engine,
    github,
    judge,
    junit,
    markdown,
    page,
    place,
    pod,
    protocols,
    rules,
    scout,
    subject,
    trial,
    worker,
)
from pyinit.rehearse.advice import Case
from pyinit.rehearse.faults import INTERRUPTED, NO_VERDICT, USAGE, NoVerdict, Unreachable, UsageError
from pyinit.rehearse.load import LoadError
from pyinit.rehearse.orchestrators import ORCHESTRATORS, parse_removal
from pyinit.rehearse.result import Trial
from pyinit.rehearse.rules import Ruled
from pyinit.rehearse.subject import Found, Subject, complete
from pyinit.rehearse.terminal import Terminal, plain
from pyinit.rehearse.trial import Setting
from pyinit.rehearse.yaml_files import lines_of

#: On everything that is borrowed from the engine.
OWNER = engine.Owner("pyinit.rehearse", "pyinit-rehearse")

#: What ends a rehearsal before its time.
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

NO_PORT = "none"

#: Our own image, of docker/rehearse/build.sh.
HELPER = "pyinit-rehearse"

#: Where even a container that has joined it does not get through.
UNREACHABLE = "the containers cannot be reached from this one, though it has joined their network: is there a firewall?"

#: Reports, by the word of their option.
REPORTS = {
    "json": "all figures, as pyinit/rehearse/schema.json describes them",
    "html": "one page with timelines, for everybody",
    "markdown": "for a pull request",
    "junit": "for a CI system",
}


class Parser(argparse.ArgumentParser):
    """Bad usage ends with one line."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        raise UsageError(f"{message}; see pyinit-rehearse --help")


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = Parser(
        prog="pyinit-rehearse",
        description="What a rollout of an image loses today, and what it loses with pyinit in front.",
        usage="%(prog)s [options] IMAGE | FILE.yaml:NAME [-- CMD ...]",
        epilog="Exit status: 0 nothing lost (or --max-lost), 1 lost, 2 bad usage, 3 no verdict.",
    )
    found.add_argument(
        "subject", metavar="IMAGE", help="or compose.yaml:SERVICE, or a manifest of Kubernetes: deploy.yaml[:CONTAINER]"
    )
    found.add_argument("--as", dest="orchestrator", choices=ORCHESTRATORS, metavar="NAME", help=", ".join(ORCHESTRATORS))
    found.add_argument("--port", type=int, metavar="N", help="of the application (default: found out)")
    found.add_argument("--path", default="/", help="that is asked with GET (default: /)")
    found.add_argument("--proto", default="auto", choices=("auto", *protocols.ALL, NO_PORT), help="default: auto")
    found.add_argument("--rate", type=float, metavar="N", help="requests per second (default: what it bears, 30 at most)")
    found.add_argument("--kept", type=int, default=6, metavar="N", help="connections that are kept (default: 6)")
    found.add_argument("--slow", default="", metavar="PATH", help="a path that takes long, asked every 2 s as well")
    found.add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
    found.add_argument("--env-file", action="append", default=[], metavar="FILE")
    found.add_argument("--volume", action="append", default=[], metavar="HOST:PATH[:ro]")
    found.add_argument("--network", default="", metavar="NAME", help="where what the image needs is reached")
    found.add_argument("--grace", type=float, metavar="SECONDS", help="to SIGKILL (default: the orchestrator's)")
    found.add_argument("--stop-signal", default="", metavar="SIGNAL", help="default: the orchestrator's, or the image's")
    found.add_argument("--removal", metavar="S[,S@SHARE%]", help="when routers have removed the endpoint: 1.5, or 1.5,12@25%%")
    found.add_argument("--rounds", type=int, default=1, metavar="N", help="trials of each arm (default: 1)")
    found.add_argument("--arms", default=f"{arms.AS_IS},{arms.PYINIT}", metavar="ARM,...", help=", ".join(arms.ARMS))
    found.add_argument("--unit-begin", default="", metavar="REGEX", help="a line of a worker's log by which a job begins")
    found.add_argument("--unit-end", default="", metavar="REGEX", help="and one by which it ends")
    found.add_argument("--max-lost", type=int, default=0, metavar="N", help="that the judged arm may lose (default: 0)")
    found.add_argument("--judge", metavar="ARM", help="default: pyinit where it is one of the arms")
    found.add_argument("--budget", type=float, default=300.0, metavar="SECONDS", help="for all of it (default: 300)")
    found.add_argument("--start-timeout", type=float, default=60.0, metavar="SECONDS", help="to get ready (default: 60)")
    found.add_argument("--max-late", type=float, default=1000 * judge.MOST_LATE, metavar="MS", help="of the generator (50)")
    found.add_argument("--helper", default=HELPER, metavar="IMAGE", help=f"rehearses where we cannot (default: {HELPER})")
    found.add_argument("--described", type=Path, help=argparse.SUPPRESS)  # a helper gets the subject so
    found.add_argument("--pyinit", metavar="FILE", help="the static binary (default: found out)")
    for name, what in REPORTS.items():
        found.add_argument(f"--{name}", type=Path, metavar="FILE", help=what)
    return found


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The options. Raises UsageError."""
    given = list(words)
    at = given.index("--") if "--" in given else len(given)
    options = parser().parse_args(given[:at])
    options.words = given[at + 1 :]
    options.arms = options.arms.split(",")
    if set(options.arms) - set(arms.ARMS) or len(set(options.arms)) != len(options.arms):
        raise UsageError(f"--arms {','.join(options.arms)}: one or more of {','.join(arms.ARMS)}")
    options.judge = options.judge or (arms.PYINIT if arms.PYINIT in options.arms else options.arms[0])
    if options.judge not in options.arms:
        raise UsageError(f"--judge {options.judge}: it is none of the arms, which are {','.join(options.arms)}")
    for name, above in LIMITS.items():
        _check_number(name, getattr(options, name.replace("-", "_")), above)
    if options.port is not None and not 0 < options.port < 1 << 16:
        raise UsageError(f"--port {options.port}: ports are 1 to 65535; give --proto none for a worker without one")
    for name in ("path", "slow"):
        path = getattr(options, name)
        if path and not (path.startswith("/") and path.isascii() and path.isprintable() and " " not in path):
            raise UsageError(f"--{name} {path}: a path begins with /, and all but printable ASCII is escaped, as %20")
    _check_units(options.unit_begin, options.unit_end)
    for name in REPORTS:
        _check_report(getattr(options, name))
    return options


#: Numbers that are above 0, or (False) not below.
LIMITS = {
    "rounds": True,
    "rate": True,
    "budget": True,
    "start-timeout": True,
    "kept": False,
    "grace": False,
    "max-lost": False,
    "max-late": False,
}


def _check_number(name: str, value: float | None, above: bool) -> None:
    """Raises UsageError for what is below its limit, or no number that can be counted with."""
    if value is not None and not (math.isfinite(value) and (value > 0 if above else value >= 0)):
        raise UsageError(f"--{name} {value:g}: it is {'above 0' if above else '0 or more'}")


def _check_units(begin: str, end: str) -> None:
    """Raises UsageError for patterns that are none, or of which one is missing."""
    if bool(begin) != bool(end):
        raise UsageError("--unit-begin and --unit-end are given together")
    for name, pattern in (("begin", begin), ("end", end)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(f"--unit-{name} {pattern}: no regular expression: {error}") from None


def _check_report(path: Path | None) -> None:
    """Raises UsageError where a report cannot be written: better now than when all is done."""
    if path is not None and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        raise UsageError(f"{path}: it cannot be written; name a file in a folder that is there and can be written to")


def environment(options: argparse.Namespace) -> dict[str, str]:
    """What --env and --env-file say. Raises UsageError."""
    lines = [line for name in options.env_file for line in lines_of(Path(name))]
    found = {}
    for word in [*lines, *options.env]:
        name, is_given, value = word.partition("=")
        found[name.strip()] = value if is_given else os.environ.get(name, "")  # as `docker run` has it
    return found


def described(text: str) -> Subject:
    """What IMAGE, FILE.yaml:SERVICE and FILE.yaml[:CONTAINER] mean. Raises UsageError."""
    file, _, name = text.partition(":")
    if not file.endswith((".yaml", ".yml")):
        return Subject(text)
    path = Path(file)
    if pod.is_manifest(path):
        return replace(pod.read(path, name), file=file)
    if not name:
        raise UsageError(f"{text}: name the service of the compose file, as in {file}:web")
    return replace(compose.read(path, name), file=file)


def subject_of(options: argparse.Namespace) -> Subject:
    """What is to be rehearsed. Raises UsageError."""
    if options.described:
        return elsewhere.read(options.described.read_text(encoding="utf-8"))
    found = described(options.subject)
    if options.words:
        found = replace(found, command=tuple(options.words))
    keywords: dict[str, Any] = dict(found.keywords)
    if options.volume:
        keywords["volumes"] = [*keywords.get("volumes", []), *map(_absolute, options.volume)]
    return replace(found, environment={**found.environment, **environment(options)}, keywords=keywords)


def _absolute(volume: str) -> str:
    """A volume whose folder of the host, if it has one, is named from the root, as the engine wants it."""
    source, is_bind, rest = volume.partition(":")
    return f"{Path(source).expanduser().resolve()}:{rest}" if is_bind and source.startswith((".", "~")) else volume


#: Who stops what is described so, where --as does not say.
USUAL = {subject.IMAGE: "docker", subject.COMPOSE: "compose", subject.KUBERNETES: "kubernetes"}


def inspect(client: DockerClient, image: str) -> dict[str, Any]:
    """What the engine knows of an image, which is pulled where it is not here. Raises UsageError."""
    try:
        found = client.images.get(image)
    except ImageNotFound:
        try:
            found = client.images.pull(image)
        except APIError as error:
            raise UsageError(f"there is no image {image} here, and it cannot be pulled: {error.explanation}") from None
    attributes: dict[str, Any] = found.attrs
    return attributes


def rehearse(client: DockerClient, options: argparse.Namespace, wanted: Subject, terminal: Terminal) -> int:
    """Rehearse, report, and return the exit status. Raises UsageError, NoVerdict and Unreachable."""
    orchestrator = ORCHESTRATORS[options.orchestrator or USUAL[wanted.source]]
    attributes = inspect(client, wanted.image)
    found = complete(wanted, attributes)
    if not found.words:
        raise UsageError(f"{wanted.image} has neither ENTRYPOINT nor CMD; give a command after --")
    signame = options.stop_signal or orchestrator.signal or found.stop_signal
    try:
        signame = signal.Signals(crew.number(signame)).name
    except ValueError as error:
        raise UsageError(f"--stop-signal {signame}: {error}") from None
    grace = next(one for one in (options.grace, wanted.grace, orchestrator.grace) if one is not None)
    begun = time.monotonic()
    deadline = begun + options.budget
    setting = Setting(
        client,
        OWNER,
        found,
        orchestrator,
        parse_removal(options.removal or orchestrator.removal),
        signame,
        grace,
        b"",
        0,
        protocols.TCP,
        False,
        options.path,
        0.0,
        options.kept,
        options.slow,
        options.network,
        options.start_timeout,
        place.guest(client),
    )
    trials: list[Trial] = []
    with within(options.budget), terminal.progress() as tell:
        if options.proto != NO_PORT:
            protocol = None if options.proto == "auto" else options.proto
            scouted = scout.scout(setting, options.port, protocol, options.rate, tell)
            setting = replace(setting, port=scouted.port, protocol=scouted.protocol, rate=scouted.rate, tls=scouted.tls)
            if scouted.note:
                found = replace(found, subject=replace(found.subject, notes=(*found.subject.notes, scouted.note)))
        if arms.PYINIT in options.arms:
            setting = replace(setting, binary=binary.find(client, OWNER, found.architecture, options.pyinit))
        found_out = time.monotonic()
        chosen = {name: arms.arm(name, found, grace, serves=bool(setting.port)) for name in options.arms}
        longest = 0.0
        for number in range(1, options.rounds + 1):
            if trials and time.monotonic() + longest * len(chosen) > deadline:
                terminal.say(f"the budget of {options.budget:g} s ends it after {number - 1} of {options.rounds} rounds")
                break
            for arm in chosen.values():
                began = time.monotonic()
                trials.append(_trial(setting, arm, number, options, tell))
                longest = max(longest, time.monotonic() - began)
    load = {
        "port": setting.port,
        "protocol": setting.protocol if setting.port else NO_PORT,
        "tls": setting.tls,
        "path": setting.path,
        "slow_path": setting.slow_path or None,
        "rate": round(setting.rate, 3),
        "kept": setting.kept if setting.protocol in protocols.KEPT else 0,
        "removal": list(setting.removal.delays),
    }
    ruled = _ruled(client, found, attributes["Config"] or {}, terminal)
    tallies = judge.tallies(trials)
    cure = tallies.get(arms.PYINIT)
    cases = {
        name: Case(
            found,
            orchestrator,
            signame,
            grace,
            setting.port,
            setting.path,
            tally,
            cure if name == arms.AS_IS else None,
            ruled if name == arms.AS_IS else (),
            setting.protocol,
            setting.tls,
        )
        for name, tally in tallies.items()
    }
    seconds = {"finding out": found_out - begun, "in all": time.monotonic() - begun}
    result = document.document(cases, chosen, options.judge, options.max_lost, load, options.max_late / 1000, seconds)
    terminal.show(result)
    report(options, result, page.page(result, trials) if options.html else "")
    status: int = result["verdict"]["exit_status"]
    return status


def _ruled(client: DockerClient, found: Found, config: dict[str, Any], terminal: Terminal) -> tuple[Ruled, ...]:
    """What the rules of pyinit-check find."""
    try:
        return rules.findings(found, config, contents.read(client, OWNER, found, config))
    except Exception as error:  # noqa: BLE001 - it is advice beside a verdict, which a fault of ours there must not cost
        terminal.say(f"the rules of pyinit-check failed, which is a fault of ours: {type(error).__name__}: {error}")
        return ()


def _trial(setting: Setting, arm: arms.Arm, number: int, options: argparse.Namespace, tell: scout.Tell) -> Trial:
    def of_trial(phase: str) -> None:
        tell(f"round {number} of {options.rounds}, {arm.name}: {phase}")

    try:
        if not setting.port:
            return worker.run(setting, arm, number, options.unit_begin, options.unit_end, of_trial)
        return trial.run(setting, arm, number, of_trial)
    except NoVerdict as error:
        raise NoVerdict(f"{arm.name}: {error}", error.log) from None


def report(options: argparse.Namespace, result: dict[str, Any], html: str) -> None:
    """Write what was asked for; and inside GitHub Actions what that shows. `html`: the page. Raises UsageError."""
    if options.json:
        _write(options.json, json.dumps(result, indent=2) + "\n")
    if options.html:
        _write(options.html, html)
    if options.markdown:
        _write(options.markdown, markdown.markdown(result))
    if options.junit:
        _write(options.junit, junit.junit(result))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for command in github.commands(result):
            print(plain(command))  # noqa: T201 - where GitHub reads it
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            _write(Path(os.environ["GITHUB_STEP_SUMMARY"]), markdown.markdown(result), "a")


def _write(path: Path, text: str, mode: str = "w") -> None:
    try:
        with path.open(mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def main(words: Sequence[str] | None = None) -> int:
    """The command; return its exit status."""
    terminal = Terminal()
    _take_signals()
    try:
        options = parse(sys.argv[1:] if words is None else words)
        try:
            return _with_engine(options, terminal)
        except (NoVerdict, LoadError, DockerException, requests.exceptions.RequestException) as error:
            log = error.log if isinstance(error, NoVerdict) else ""
            terminal.say(f"no verdict: {error}")
            if log:
                terminal.say_log(log)
            failed = document.failure(str(error), log)
            report(options, failed, page.page(failed, []))
            return NO_VERDICT
    except UsageError as error:
        terminal.say(str(error))
        return USAGE
    except KeyboardInterrupt:
        terminal.say("interrupted; all that it had started is removed")
        return INTERRUPTED


def _with_engine(options: argparse.Namespace, terminal: Terminal) -> int:
    try:
        client = engine.connect()
    except DockerException as error:
        raise NoVerdict(f"no Docker engine answers: {error}; start one, or let DOCKER_HOST name it") from None
    with contextlib.closing(client):
        OWNER.remove_stale(client)
        try:
            wanted = subject_of(options)
            try:
                return rehearse(client, options, wanted, terminal)
            except Unreachable:
                if place.own(client) is not None:
                    raise NoVerdict(UNREACHABLE) from None
                terminal.say(f"the containers cannot be reached from here, so a container of {options.helper} does it")
                return by_helper(client, options, wanted, terminal)
        finally:
            OWNER.remove_own(client)


def by_helper(client: DockerClient, options: argparse.Namespace, wanted: Subject, terminal: Terminal) -> int:
    """Have a container rehearse, report, and return the exit status. Raises UsageError and NoVerdict."""
    status, result, html = elsewhere.run(client, OWNER, options, wanted, terminal.out.width)
    if result is not None:
        report(options, result, html)
    return elsewhere.status_of(result, status)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let a block run for so long. Raises NoVerdict in the middle of it when the time is over."""

    def over(*_: object) -> NoReturn:
        raise NoVerdict(f"the budget of {seconds:g} s is over; give --budget")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _take_signals() -> None:
    """Have these end us when all is removed.

    A shell without job control starts its background jobs with SIGINT ignored, unasked. They are to end with their script all
    the same, for a rehearsal that nobody waits for would go on. An ignored SIGHUP was asked for, by nohup.
    """
    for signum in ENDS:
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, _interrupted)


def _interrupted(*_: object) -> NoReturn:
    for signum in ENDS:  # CI systems send SIGTERM some seconds after SIGINT: it must not end what removes
        signal.signal(signum, signal.SIG_IGN)
    raise KeyboardInterrupt
