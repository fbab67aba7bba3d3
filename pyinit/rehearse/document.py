"""PURE. The document that --json writes, and that all other reports are made from. schema.json describes it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pyinit import __version__
from pyinit.rehearse import advice, crosscheck, judge
from pyinit.rehearse.advice import Case, Fault
from pyinit.rehearse.arms import AS_IS, PYINIT, Arm
from pyinit.rehearse.crew import Crew
from pyinit.rehearse.faults import NO_VERDICT, WELL
from pyinit.rehearse.judge import Tally

#: Of the document: it grows when a field changes its meaning or goes.
SCHEMA = 1

#: Digits behind the point of seconds.
DIGITS = 3


def document(
    cases: Mapping[str, Case],
    arms: Mapping[str, Arm],
    judged: str,
    most_lost: int,
    load: Mapping[str, Any],
    most_late: float,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The document. `cases`: by arm, in order. `load` and `seconds`: as the schema has them."""
    first = next(iter(cases.values()))
    tallies = {name: case.tally for name, case in cases.items()}
    doubts = judge.doubts(tallies.values(), most_late)
    as_is, pyinit = cases.get(AS_IS), cases.get(PYINIT)
    status = NO_VERDICT if doubts else judge.exit_status(tallies[judged], most_lost)
    proposed = advice.changes(as_is, pyinit) if as_is is not None and not doubts else []
    subject = first.found.subject
    return {
        "schema": SCHEMA,
        "version": __version__,
        "subject": {
            "image": subject.image,
            "source": subject.source,
            "name": subject.name,
            "entrypoint": list(first.found.entrypoint),
            "command": list(first.found.command),
            "notes": list(subject.notes),
        },
        "orchestrator": {
            "name": first.orchestrator.name,
            "signal": first.signal,
            "grace": first.grace,
            "admits": first.orchestrator.admits,
            "source": first.orchestrator.source,
        },
        "load": dict(load),
        "seconds": {phase: round(took, DIGITS) for phase, took in seconds.items()},
        "arms": [_arm(case, arms[name]) for name, case in cases.items()],
        "changes": [
            {"says": change.says, "diff": list(change.diff), "rule": change.rule or None, "link": change.link or None}
            for change in proposed
        ],
        "not_cured": [] if pyinit is None else [_fault(fault) for fault in advice.not_cured(pyinit)],
        "doubts": doubts,
        "disagreements": [said for tally in tallies.values() if (said := crosscheck.disagreement(tally))],
        "verdict": {
            "judged": judged,
            "most_lost": most_lost,
            "exit_status": status,
            "says": verdict(tallies, judged, most_lost, status),
        },
    }


def failure(message: str, log: str) -> dict[str, Any]:
    """The document where there is no verdict because something did not work: the reason, and what helps to find it."""
    verdict = {"judged": None, "most_lost": None, "exit_status": NO_VERDICT, "says": f"No verdict: {message}"}
    return {"schema": SCHEMA, "version": __version__, "verdict": verdict, "log": log.splitlines()}


def _arm(case: Case, arm: Arm) -> dict[str, Any]:
    tally = case.tally
    return {
        "name": tally.arm,
        "replaced": arm.replaced or None,
        "rounds": len(tally.trials),
        "requests": tally.requests,
        "at_risk": tally.at_risk,
        "lost": tally.lost,
        "lost_in_all": tally.lost_in_all,
        "bound": None if tally.bound is None else round(tally.bound, 5),
        "stop_seconds": [round(stop.seconds, DIGITS) for stop in tally.stops],
        "exit_statuses": {str(status): count for status, count in tally.statuses.items()},
        "killed": tally.killed,
        "resets": dict(zip(("sent", "seen"), crosscheck.resets(tally), strict=True)),
        "generator_late_ms": round(1000 * tally.late, 1),
        "processes": _processes(case.crew, case.signum),
        "faults": [_fault(fault) for fault in advice.faults(case)],
        "seconds": _seconds(tally),
        "log": tally.trials[0].log.splitlines()[-20:],
    }


def _fault(fault: Fault) -> dict[str, str]:
    return {"name": fault.name, "says": fault.says, "proof": fault.proof}


def _processes(crew: Crew | None, signum: int) -> list[dict[str, Any]] | None:
    """Who was there, PID 1 first; None where that could not be seen."""
    if crew is None:
        return None
    told, deaf = crew.told(signum), crew.deaf(signum)
    return [
        {
            "name": one.name,
            "command": one.words,
            "is_first": one is crew.first,
            "about_signal": one.about(signum),
            "told": None if told is None else (True if one in told else None if told else False),
            "never_told": one in deaf,
        }
        for one in (crew.first, *crew.others)
    ]


def _seconds(tally: Tally) -> dict[str, float]:
    """Where the time went, by phase, in all rounds together."""
    found: dict[str, float] = {}
    for trial in tally.trials:
        for phase, seconds in trial.seconds.items():
            found[phase] = round(found.get(phase, 0.0) + seconds, DIGITS)
    return found


def verdict(tallies: Mapping[str, Tally], judged: str, most_lost: int, status: int) -> str:
    """One or two sentences."""
    if status == NO_VERDICT:
        return "No verdict: these figures cannot be trusted."
    said = [_lost(tally) for tally in tallies.values()]
    tally = tallies[judged]
    allowed = f", and {most_lost} are allowed" if most_lost else ""
    last = (
        f"{_title(judged)} passes{allowed}."
        if status == WELL
        else f"{_title(judged)} fails: {tally.lost_in_all} lost{allowed or ', and none may be'}."
    )
    if not tally.at_risk:
        last = "Losses were not counted: --unit-begin and --unit-end tell by which lines of its log a job begins and ends."
    return f"{'. '.join(said)}. {last}"


def _title(arm: str) -> str:
    return {AS_IS: "As it is", PYINIT: "With pyinit"}.get(arm, f"With {arm}")


def _lost(tally: Tally) -> str:
    unit = "jobs" if tally.trials[0].units is not None else "requests"
    killed = ", ended by SIGKILL" if tally.killed else ""
    time = f"stopped in {tally.stop_time:.1f} s{killed}"
    title = _title(tally.arm)
    if not tally.at_risk:
        return f"{title}: {time}"
    if tally.lost_in_all:
        return f"{title}: {tally.lost_in_all} of {tally.at_risk} {unit} at risk were lost ({judge.by_kind(tally.lost)}), {time}"
    bound = f", so below {100 * tally.bound:.1f} % with 95 % confidence" if tally.bound is not None else ""
    return f"{title}: none of {tally.at_risk} {unit} at risk was lost{bound}, {time}"


def arms_of(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The arms of a document."""
    found: Sequence[Mapping[str, Any]] = document["arms"]
    return found


def others_than_pyinit(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The arms whose faults are those of the image; what is wrong with pyinit in front is what it does not cure."""
    return [arm for arm in arms_of(document) if arm["name"] != PYINIT]
