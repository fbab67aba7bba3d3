"""Trials, crews and cases as tests need them, made by hand."""

from collections.abc import Iterable, Sequence
from typing import Any

from pyinit.rehearse import outcome
from pyinit.rehearse.advice import Case
from pyinit.rehearse.crew import Crew, Process
from pyinit.rehearse.judge import Tally
from pyinit.rehearse.moments import Stop
from pyinit.rehearse.orchestrators import ORCHESTRATORS
from pyinit.rehearse.outcome import Outcome
from pyinit.rehearse.result import NEW, OLD, Trial, Units
from pyinit.rehearse.subject import Found, Subject, complete

TERM = 15

#: When the stop is requested in a made trial.
REQUESTED = 100.0


def process(pid: int, parent: int, words: str, *, handles: bool = False, sleeps_in: str = "", name: str = "") -> Process:
    """A process; its name is that of its first word."""
    mask = 1 << (TERM - 1) if handles else 0
    return Process(pid, parent, 0, mask, 0, sleeps_in, name or words.split(" ", maxsplit=1)[0].rpartition("/")[2], words)


def crew(*processes: Process) -> Crew:
    """These; the first one is PID 1."""
    return Crew(processes[0], processes)


#: gunicorn below a start script, with three things in front of it.
IN_SCRIPT = crew(process(50, 1, "start.sh"), process(60, 50, "gunicorn app", handles=True))
IN_TINI = crew(
    process(40, 1, "tini -- sh -c run", sleeps_in="do_sigtimedwait"),
    process(50, 40, "sh -c run"),
    process(60, 50, "gunicorn app", handles=True),
)
IN_DUMB_INIT = crew(process(40, 1, "dumb-init sh -c run", handles=True), *IN_TINI.all[1:])
ALONE = crew(process(60, 1, "gunicorn app", handles=True))


def asked(at: float, kind: str = outcome.OK, replica: str = OLD, took: float = 0.05, **further: Any) -> Outcome:
    """One request."""
    return Outcome(
        **{"at": at, "took": took, "kind": kind, "kept": False, "status": None, "replica": replica, "due": at, **further}
    )


def trial(
    lost: Iterable[str] = (),
    *,
    arm: str = "as-is",
    took: float = 7.0,
    status: int = 0,
    killed: bool = False,
    who: Crew | None = ALONE,
    answered: int = 40,
    further: Sequence[Outcome] = (),
    baseline: Sequence[Outcome] | None = None,
    units: Units | None = None,
    resets: int | None = None,
) -> Trial:
    """A trial in which so many requests to the old replica were at risk and answered, and these kinds of loss occurred."""
    calm = [asked(90.0 + n / 10) for n in range(40)]
    at_risk = [asked(REQUESTED + n / 40) for n in range(answered)]
    failed = [asked(REQUESTED + 0.5, kind) for kind in lost]
    new = [asked(REQUESTED + n / 10, replica=NEW) for n in range(40)]
    return Trial(
        arm,
        1,
        Stop(OLD, REQUESTED, REQUESTED + 1.5, REQUESTED + took, status),
        killed,
        False,
        REQUESTED,
        who,
        (*calm, *at_risk, *failed, *new, *further) if units is None else (),
        tuple(calm if baseline is None else baseline),
        "the log",
        {"starting": 1.0, "stopping": took},
        units,
        resets,
    )


def found(entrypoint: Sequence[str] = (), command: Sequence[str] = ("gunicorn", "app"), **changes: Any) -> Found:
    """An image with these words."""
    config: dict[str, Any] = {
        "Entrypoint": list(entrypoint) or None,
        "Cmd": list(command) or None,
        "ExposedPorts": {"8000/tcp": {}},
    }
    subject = Subject(**{"image": "shop:1.4", **changes})
    return complete(subject, {"Config": config, "Architecture": "amd64"})


def case(
    *trials: Trial,
    image: Found | None = None,
    orchestrator: str = "docker",
    grace: float = 10.0,
    port: int = 8000,
    cure: Trial | None = None,
    **further: Any,
) -> Case:
    """A case of these trials; `cure`: with pyinit in front. Further keywords are those of Case."""
    cured = None if cure is None else Tally("pyinit", (cure,))
    tally = Tally(trials[0].arm, trials)
    return Case(image or found(), ORCHESTRATORS[orchestrator], "SIGTERM", grace, port, "/", tally, cured, **further)
