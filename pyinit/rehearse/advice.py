"""PURE. What is wrong with the stop of an image, as far as it was seen, and what to change: each rule names its proof."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pyinit.rehearse import arms, orchestrators, outcome, protocols, rules
from pyinit.rehearse.crew import HANDLES, IGNORES, NOTHING, Crew, Process, number
from pyinit.rehearse.judge import Tally, by_kind
from pyinit.rehearse.orchestrators import Orchestrator
from pyinit.rehearse.rules import Ruled
from pyinit.rehearse.subject import COMPOSE, KUBERNETES, Found

#: As many changes as are proposed at most.
MOST = 3

#: The faults, by the word that a report and its JSON have for them.
FAULTS = (
    "signal-dropped",
    "signal-not-passed-on",
    "wrapper-dies-first",
    "wrong-signal",
    "grace-too-short",
    "signal-not-acted-on",
    "stops-listening-too-soon",
    "connection-closed-under-a-request",
    "request-cut",
    "traffic-before-ready",
    "job-unfinished",
    "out-of-memory",
)
DROPPED, STRANDED, BEHEADED, WRONG_SIGNAL, SHORT_GRACE, NOT_ACTED = FAULTS[:6]
TOO_SOON, UNDER_REQUEST, CUT_OFF, EARLY, JOBS, MEMORY = FAULTS[6:]

#: Kinds of loss by which a server's door is seen to be closed, and by which a request is seen to be lost on its way.
CLOSED_DOOR = (outcome.REFUSED, outcome.RESET_BEFORE)
UNDER_WAY = (outcome.RESET_AFTER, outcome.RESET_BEFORE)

#: What a shell or an init adds to the number of the signal that a process has died of, for an exit status.
SIGNALLED = 128

#: Which rules of pyinit-check find what may be behind a fault, by the beginnings of their ids, the likeliest first. A rule that
#: is behind none of the faults that a run has shown proposes nothing here: pyinit-check itself tells of it.
STARTS = ("PI101", "PI102", "PI106", "PI103", "PI2", "PI108", "PI402")
TIMES = ("PI304", "PI302", "PI301", "PI303")
TRAFFIC = ("PI302", "PI301", "PI305", "PI308", "PI404", "PI401", "PI410", "PI5", *STARTS)
BEHIND = {
    DROPPED: STARTS,
    STRANDED: STARTS,
    BEHEADED: STARTS,
    WRONG_SIGNAL: ("PI104", "PI105"),
    SHORT_GRACE: TIMES,
    NOT_ACTED: ("PI105", "PI203", "PI207"),
    TOO_SOON: TRAFFIC,
    UNDER_REQUEST: TRAFFIC,
    CUT_OFF: TRAFFIC,
    EARLY: ("PI403", "PI107", "PI405", "PI411"),
    JOBS: (*TIMES, *STARTS),
    MEMORY: (),
}


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with an arm. `says` and `proof` are sentences."""

    name: str
    says: str
    proof: str


@dataclass(frozen=True)
class Change:
    """A change that is proposed. `diff`: lines that begin with +, - or a space; `---` names a file that is there.

    `rule` and `link`: the rule of pyinit-check that asks for it, if one does, and where it has that from.
    """

    says: str
    diff: tuple[str, ...]
    rule: str = ""
    link: str = ""


@dataclass(frozen=True)
class Case:
    """All that a rule may look at."""

    found: Found
    orchestrator: Orchestrator
    signal: str
    grace: float
    port: int
    path: str
    tally: Tally
    cure: Tally | None = None  #: the same with pyinit in front, where that was tried
    ruled: tuple[Ruled, ...] = ()  #: what pyinit-check finds, the worst first
    protocol: str = protocols.HTTP1
    tls: bool = False  #: whether the protocol is spoken over TLS

    @property
    def signum(self) -> int:
        """The signal's number."""
        return number(self.signal)

    @property
    def crew(self) -> Crew | None:
        """Who was there, in the first trial."""
        return self.tally.trials[0].crew

    @property
    def grace_is_over(self) -> bool:
        """Whether SIGKILL ended every stop."""
        return self.tally.killed == len(self.tally.trials)


Rule = Callable[[Case], Iterator[Fault]]


def _dropped(case: Case) -> Iterator[Fault]:
    """PID 1 has no handler, or ignores the signal: the kernel drops it."""
    crew = case.crew
    does = None if crew is None else crew.first.about(case.signum)
    if crew is None or not case.grace_is_over or does not in (NOTHING, IGNORES):
        return
    who = f"PID 1 is `{crew.first.title}`, which {does} {case.signal}"
    deaf = crew.deaf(case.signum)
    others = f"; {_those(deaf)} would have finished at it, and never heard of it" if deaf else ""
    yield Fault(
        DROPPED,
        f"{who}, so the kernel drops it ({'pid_namespaces' if does == NOTHING else 'signal'}(7)){others}.",
        f"The stop took {case.tally.stop_time:.1f} s of {case.grace:g} s, and SIGKILL ended it.{_lost(case)}",
    )


def _stranded(case: Case) -> Iterator[Fault]:
    """An init tells its child, a shell, which dies and passes nothing on."""
    crew = case.crew
    if crew is None or case.tally.killed:
        return
    told = crew.told(case.signum)
    deaf = crew.deaf(case.signum)
    if told and deaf:
        yield Fault(
            STRANDED,
            f"{crew.first.name} tells only `{told[0].title}`, which passes nothing on; {_those(deaf)} never heard of "
            f"{case.signal}, and was killed when {crew.first.name} left.",
            f"The stop took {case.tally.stop_time:.1f} s, with status {_statuses(case.tally)}.{_lost(case)}",
        )


def _beheaded(case: Case) -> Iterator[Fault]:
    """An init tells all, the shell that is its child dies of it, and the init leaves with that."""
    crew = case.crew
    if crew is None or case.tally.killed or not crew.tells_all:
        return
    child = next((one for one in crew.all if one.parent == crew.first.pid), None)
    workers = [one for one in crew.others if one is not child and one.about(case.signum) == HANDLES]
    died = set(case.tally.statuses) == {SIGNALLED + case.signum}
    if child is not None and child.is_shell and child.about(case.signum) == NOTHING and workers and died:
        init = crew.first.name
        yield Fault(
            BEHEADED,
            f"{init} told all of them, and `{child.title}` died of {case.signal} at once; {init} left with it, "
            f"so {_those(workers)} was killed, finished or not.",
            f"The stop took {case.tally.stop_time:.1f} s, with status {_statuses(case.tally)}.{_lost(case)}",
        )


def _handler(case: Case) -> Process | None:
    """PID 1, if it handles the signal."""
    return case.crew.first if case.crew is not None and case.crew.first.about(case.signum) == HANDLES else None


def _wrong_signal(case: Case) -> Iterator[Fault]:
    """A well-known program that finishes its work by another signal than it got."""
    told = _handler(case)
    if told is None or not case.tally.lost_in_all:
        return
    ruled = rules.of_signal(told.name, told.words.split(" "), case.signal, declares_signal=case.found.declares_signal)
    if ruled is not None:
        yield Fault(WRONG_SIGNAL, ruled.says, f"Lost: {by_kind(case.tally.lost)}.")


def _short_grace(case: Case) -> Iterator[Fault]:
    """Somebody who handles the signal was killed at the end of the grace period, though not for being PID 1."""
    crew = case.crew
    if crew is None or not case.tally.killed or _is_enough(case):
        return
    told = crew.others if crew.first.name == "pyinit" else (crew.first,)  # pyinit has told it all who handle it
    busy = [one for one in told if one.about(case.signum) == HANDLES]
    if busy:
        yield Fault(
            SHORT_GRACE,
            f"`{busy[0].title}` handles {case.signal}, and was not done within the {case.grace:g} s that "
            f"{case.orchestrator.name} allows.",
            f"SIGKILL ended {case.tally.killed} of {_count(len(case.tally.trials), 'stop')}.{_lost(case)}",
        )


def _is_enough(case: Case) -> bool:
    """Whether the same time was enough with pyinit in front."""
    return case.cure is not None and not case.cure.killed


def _not_acted(case: Case) -> Iterator[Fault]:
    """PID 1 catches the signal and does not end, and does where pyinit stands in front of it."""
    crew, cure = case.crew, case.cure
    if crew is None or cure is None or not case.grace_is_over or crew.first.about(case.signum) != HANDLES:
        return
    if not _is_enough(case):
        return
    proof = f"With pyinit in front it ended after {cure.stop_time:.1f} s, with status {_statuses(cure)}.{_lost(case)}"
    if set(cure.statuses) == {SIGNALLED + case.signum}:
        says = (
            f"PID 1 is `{crew.first.title}`, which catches {case.signal} and leaves it to the kernel, which drops it for PID 1."
        )
        yield Fault(DROPPED, says, proof)
    else:
        yield Fault(NOT_ACTED, f"`{crew.first.title}` catches {case.signal} as PID 1, and does not end.", proof)


def _early(case: Case) -> Iterator[Fault]:
    """The new replica got traffic before it could serve."""
    count = case.tally.lost.get(outcome.EARLY, 0)
    if count:
        decides = _decides(case)
        yield Fault(
            EARLY,
            f"The new replica got traffic before it could serve: {case.orchestrator.name} let it in {decides}.",
            f"{_count(count, 'request')} failed before it had answered any.",
        )


def _decides(case: Case) -> str:
    kind = case.orchestrator.admits
    if kind == orchestrators.HEALTHCHECK:
        return "when its HEALTHCHECK said so" if case.found.healthcheck else "as soon as it ran, for it has no HEALTHCHECK"
    if kind == orchestrators.PROBE:
        return "when its probe said so" if case.found.subject.probe else "as soon as it ran, for it has no readiness probe"
    return f"when {kind}"


def _too_soon(case: Case) -> Iterator[Fault]:
    """The door was closed while routers still sent requests."""
    count = sum(case.tally.lost.get(kind, 0) for kind in CLOSED_DOOR)
    if count and not case.tally.killed:
        removed = max(stop.removed - stop.requested for stop in case.tally.stops)
        yield Fault(
            TOO_SOON,
            f"It closed its port while routers still sent requests: the last one left {removed:.1f} s after the stop request.",
            f"{_count(count, 'new connection')} found nobody.",
        )


def _under_request(case: Case) -> Iterator[Fault]:
    """Kept connections were closed under a request."""
    lost = [one for one in case.tally.outcomes if one.kept and one.kind in UNDER_WAY]
    if lost and not case.grace_is_over:
        yield Fault(
            UNDER_REQUEST,
            "It closed kept connections without notice, under requests that were on their way.",
            f"{_count(len(lost), 'request')} over kept connections got no answer.",
        )


def _cut_off(case: Case) -> Iterator[Fault]:
    """Requests that it had taken were not finished."""
    lost = [one for one in case.tally.outcomes if one.kind == outcome.CUT or (one.kind == outcome.RESET_AFTER and not one.kept)]
    if lost:
        by = "SIGKILL" if case.tally.killed else "the end of its processes"
        says = f"Requests that were under way, or waited to be accepted, were cut off by {by}."
        yield Fault(CUT_OFF, says, f"{_count(len(lost), 'request')} got no answer, or a part of one.")


def _jobs(case: Case) -> Iterator[Fault]:
    """A worker did not finish what it had begun."""
    count = case.tally.lost.get("unfinished", 0)
    if count:
        yield Fault(JOBS, "The worker did not finish what it had begun.", f"{count} of {case.tally.at_risk} jobs.")


def _memory(case: Case) -> Iterator[Fault]:
    """The kernel ended it for its memory."""
    count = sum(trial.out_of_memory for trial in case.tally.trials)
    if count:
        yield Fault(MEMORY, "The kernel killed it because it used too much memory.", f"In {count} of {len(case.tally.trials)}.")


#: Causes; what follows from them where there is one, and has a cause of its own where there is none; and what has nothing to do
#: with them.
CAUSES: tuple[Rule, ...] = (_memory, _dropped, _stranded, _beheaded, _wrong_signal, _short_grace, _not_acted)
EFFECTS: tuple[Rule, ...] = (_too_soon, _under_request, _cut_off)
OTHERS: tuple[Rule, ...] = (_early, _jobs)


def faults(case: Case) -> list[Fault]:
    """What is wrong with an arm."""
    causes = [fault for rule in CAUSES for fault in rule(case)]
    rules = OTHERS if causes else EFFECTS + OTHERS
    return causes + [fault for rule in rules for fault in rule(case)]


def _lost(case: Case) -> str:
    """What the stop has cost, as a further sentence of a proof."""
    lost = {kind: count for kind, count in case.tally.lost.items() if kind != outcome.EARLY}
    return f" Lost: {by_kind(lost)}." if lost else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _those(processes: Sequence[Process]) -> str:
    names = list(dict.fromkeys(f"`{one.title}`" for one in processes))
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""  # noqa: PLR2004 - a sentence
    return ", ".join(names[:2]) + more


def _statuses(tally: Tally) -> str:
    return ", ".join(map(str, tally.statuses))


def changes(as_is: Case, pyinit: Case | None) -> list[Change]:
    """What to change, at most MOST: pyinit where a trial has shown that it helps, what still fails then, and what rules ask.

    Rules are those of pyinit-check. Only those count that may be behind a fault which was seen; those with a diff come first.
    """
    wrong = [fault.name for fault in faults(as_is)]
    left = [] if pyinit is None else [fault.name for fault in faults(pyinit)]
    found: list[Change] = []
    helps = pyinit is not None and _is_better(pyinit.tally, as_is.tally)
    if helps and pyinit is not None:
        found.append(_front(as_is, pyinit))
    if SHORT_GRACE in left or (pyinit is None and SHORT_GRACE in wrong):
        found.append(_by_rule(as_is, SHORT_GRACE, _more_grace))
    if EARLY in wrong:
        found.append(_by_rule(as_is, EARLY, _readiness))
    if WRONG_SIGNAL in wrong:
        found.append(_instead(_signal(as_is), helps=helps, is_left=WRONG_SIGNAL in left))
    taken = {change.rule for change in found}
    for fault in dict.fromkeys([*left, *wrong]):
        more = [one for one in _behind(as_is, fault) if one.rule not in taken]
        for one in sorted(more, key=lambda one: not one.diff):
            found.append(_instead(Change(one.says, one.diff, one.rule, one.link), helps=helps, is_left=fault in left))
            taken.add(one.rule)
    return found[:MOST]


def _is_better(one: Tally, other: Tally) -> bool:
    """Whether an arm lost less, or as little and was ended by SIGKILL less often."""
    return (one.lost_in_all, one.killed) < (other.lost_in_all, other.killed)


def _instead(change: Change, *, helps: bool, is_left: bool) -> Change:
    """A change which says that it stands for pyinit, where that cures the same fault."""
    return replace(change, says=f"In the place of pyinit: {change.says}") if helps and not is_left else change


def _behind(case: Case, fault: str) -> list[Ruled]:
    """The findings that may be behind a fault, the likeliest first."""
    return [one for beginning in BEHIND[fault] for one in case.ruled if one.rule.startswith(beginning)]


def _by_rule(case: Case, fault: str, show: Callable[[Case, str], Change]) -> Change:
    """A change that a run has shown to be needed, by the rule that asks for it as well, with that rule's fix if it has one.

    `show` gets what the rule says, or nothing.
    """
    ruled = next(iter(_behind(case, fault)), None)
    if ruled is None:
        return show(case, "")
    shown = show(case, ruled.says)
    return Change(f"{shown.says} {ruled.says}", ruled.diff or shown.diff, ruled.rule, ruled.link)


def _front(as_is: Case, pyinit: Case) -> Change:
    """Pyinit in front, as in the arm."""
    found = as_is.found
    words, replaced = arms.without_init(found.words)
    path = "/usr/local/bin/pyinit"
    instead = f", in the place of {replaced}" if replaced else " in front"
    lost, before = pyinit.tally.lost_in_all, as_is.tally.lost_in_all
    less = f"{lost} lost in the place of {before}, " if before else ""
    ends = "ended by SIGKILL" if pyinit.tally.killed else "ended in good order"
    killed = ", and then SIGKILL" if as_is.tally.killed else ""
    says = (
        f"pyinit{instead}: {less}{ends} after {pyinit.tally.stop_time:.1f} s (before: {as_is.tally.stop_time:.1f} s{killed})."
    )
    serves = bool(as_is.port)
    settings = [f"{arms.TIMEOUT}={as_is.grace:g}", *([f"{arms.DELAY}=auto"] if serves else [])]
    if found.subject.source == KUBERNETES:
        return Change(
            says,
            (
                "   containers:",
                *(f"-    command: {json.dumps(found.words)}" for _ in [0] if found.subject.entrypoint is not None),
                f"+    command: {json.dumps([path, '--', *words])}  # COPY --from=pyinit /pyinit {path} in the image",
                "     env:",
                *(f'+    - {{name: {name}, value: "{value}"}}' for name, value in (s.split("=") for s in settings)),
            ),
        )
    entry = list(arms.without_init(found.entrypoint)[0]) if found.entrypoint else []
    lines = [f"+COPY --from=pyinit /pyinit {path}", f"+ENV {' '.join(reversed(settings))}"]
    if found.entrypoint:
        lines.append(f"-ENTRYPOINT {json.dumps(found.entrypoint)}")
    lines.append(f"+ENTRYPOINT {json.dumps([path, '--', *entry])}")
    if found.command:
        kept = list(found.command) if found.entrypoint else list(words)
        if not found.entrypoint and replaced:
            lines.append(f"-CMD {json.dumps(found.command)}")
            lines.append(f"+CMD {json.dumps(kept)}")
        else:
            lines.append(f" CMD {rules.in_form(kept)}")
    if found.subject.init:
        lines += ["--- compose.yaml", "-    init: true"]
    return Change(says, tuple(lines))


def _more_grace(case: Case, ruled: str) -> Change:
    new = max(30, int(2 * case.grace))
    says = f"More time: {case.grace:g} s were not enough, and the stop did not fail for want of a handler."
    setting = case.orchestrator.setting
    old = setting.format(grace=f"{case.grace:g}")
    asked = re.search(re.escape(setting).replace(r"\{grace\}", r"(\d+)"), ruled) if "{grace}" in setting else None
    if asked is not None:  # the rule has added up what is needed
        new = max(int(case.grace) + 1, int(asked[1]))
    if "{grace}" not in setting:
        return Change(says, (f" # {setting}: the work in flight has to be shorter",))
    return Change(says, (f"-{old}", f"+{setting.format(grace=new)}"))


def _readiness(case: Case, _: str) -> Change:
    target, probe = _probe(case)
    if case.found.subject.source == KUBERNETES or case.orchestrator.admits == orchestrators.PROBE:
        says = _LISTENS if probe.startswith("tcpSocket:") else _SERVES
        return Change(says, ("+    readinessProbe:", f"+      {probe}", "+      periodSeconds: 1"))
    says = _LISTENS if target.startswith("tcp:") else _SERVES
    if target.startswith("https:"):
        says, target = f"{_LISTENS} A pyinit of a wheel can ask {target}; the static binary has no TLS.", f"tcp:{case.port}"
    if case.found.subject.source == COMPOSE:
        return Change(
            says,
            ("+    healthcheck:", f'+      test: ["CMD", "pyinit", "--probe", "{target}"]', "+      interval: 5s"),
        )
    words = json.dumps(["pyinit", "--probe", target])
    return Change(says, (f"+HEALTHCHECK --interval=5s --start-period=60s CMD {words}",))


_SERVES = "A check of whether it can serve, so that traffic comes when it can."
_LISTENS = "A check of whether it listens, which is all that can be asked here; better ask whether it can serve."


def _probe(case: Case) -> tuple[str, str]:
    """What asks whether it can serve, in what it speaks: a target of pyinit --probe, and a probe of Kubernetes.

    Neither of them speaks HTTP/2, WebSocket, or gRPC over TLS.
    """
    if case.protocol == protocols.HTTP1:
        scheme = "https" if case.tls else "http"
        further = ", scheme: HTTPS" if case.tls else ""
        return f"{scheme}://127.0.0.1:{case.port}{case.path}", f"httpGet: {{path: {case.path}, port: {case.port}{further}}}"
    if case.protocol == protocols.GRPC and not case.tls and case.path == "/":  # it has answered its health check
        return f"grpc:{case.port}", f"grpc: {{port: {case.port}}}"
    return f"tcp:{case.port}", f"tcpSocket: {{port: {case.port}}}"


def _signal(case: Case) -> Change:
    """PI104, of what was seen as PID 1; with the fix of the file that is there, where the rule finds it there as well."""
    told = _handler(case)
    assert told is not None, "the fault was found"
    seen = rules.of_signal(told.name, told.words.split(" "), case.signal, declares_signal=case.found.declares_signal)
    assert seen is not None, "the fault was found"
    read = next((one for one in case.ruled if one.rule == seen.rule and one.diff), seen)
    if case.found.subject.stop_signal and case.found.subject.source == COMPOSE:
        wanted = next(line for line in seen.diff if line.startswith("+")).rpartition(" ")[2]
        lines = f"-    stop_signal: {case.found.subject.stop_signal}", f"+    stop_signal: {wanted}"
        read = replace(read, diff=lines)
    return Change(read.says, read.diff, read.rule, read.link)


def not_cured(pyinit: Case) -> list[Fault]:
    """What is still wrong with pyinit in front."""
    return faults(pyinit)
