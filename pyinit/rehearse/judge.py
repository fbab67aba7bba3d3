"""PURE. What the trials mean: what was at risk, what was lost, and whether the figures can be trusted."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyinit.rehearse.faults import LOST, WELL
from pyinit.rehearse.moments import Stop
from pyinit.rehearse.outcome import LOSSES, Outcome, losses
from pyinit.rehearse.result import NEW, OLD, Trial

#: The 99th percentile of the generator's lateness, in seconds, above which its figures are not those of the image.
MOST_LATE = 0.05

#: The rule of three: where none of n was lost, the true rate is below 3/n, at 95 % confidence (1 - 0.05 ** (1 / n) < 3 / n).
RULE_OF_THREE = 3.0

#: A job of a worker that was begun and not finished; and all kinds of loss, in the order of a table.
UNFINISHED = "unfinished"
KINDS = (*LOSSES, UNFINISHED)

#: The exit status of a process that SIGKILL has ended.
KILLED = 137


@dataclass(frozen=True)
class Tally:
    """All trials of one arm together."""

    arm: str
    trials: tuple[Trial, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Of all requests since the first admission; the warm-up does not count."""
        return tuple(one for trial in self.trials for one in counted(trial))

    @property
    def requests(self) -> int:
        """How many requests count."""
        return len(self.outcomes)

    @property
    def at_risk(self) -> int:
        """How many requests were at risk; of a worker, how many jobs were begun.

        A request is at risk that was under way to the old replica at the stop request, or was sent to it after that, or to the
        new one before that had ever answered.
        """
        jobs = sum(trial.units.begun for trial in self.trials if trial.units is not None)
        return jobs + sum(is_at_risk(one, trial) for trial in self.trials for one in counted(trial))

    @property
    def lost(self) -> dict[str, int]:
        """How many requests, or jobs, were lost, by kind."""
        jobs = sum(trial.units.begun - trial.units.finished for trial in self.trials if trial.units is not None)
        return {**losses(self.outcomes), **({UNFINISHED: jobs} if jobs else {})}

    @property
    def lost_in_all(self) -> int:
        """How many were lost."""
        return sum(self.lost.values())

    @property
    def stops(self) -> tuple[Stop, ...]:
        """The ends of the old replicas."""
        return tuple(trial.stop for trial in self.trials)

    @property
    def stop_time(self) -> float:
        """The median of the stop times, in seconds."""
        return statistics.median(stop.seconds for stop in self.stops)

    @property
    def statuses(self) -> dict[int, int]:
        """How often each exit status occurred."""
        return dict(Counter(stop.status for stop in self.stops))

    @property
    def killed(self) -> int:
        """How many trials SIGKILL has ended."""
        return sum(trial.killed for trial in self.trials)

    @property
    def bound(self) -> float | None:
        """Where nothing was lost: the 95 % bound of the part that is, of those at risk. None where it says nothing."""
        return None if self.lost_in_all or not self.at_risk else min(1.0, RULE_OF_THREE / self.at_risk)

    @property
    def late(self) -> float:
        """The 99th percentile of the generator's lateness, in seconds."""
        return percentile([one.late for trial in self.trials for one in trial.outcomes], 99)


def counted(trial: Trial) -> tuple[Outcome, ...]:
    """The requests of a trial that count: those that ended after the new replica was admitted, or were sent since."""
    begin = trial.stop.requested if trial.admitted is None else min(trial.admitted, trial.stop.requested)
    return tuple(one for one in trial.outcomes if one.ended >= begin)


def is_at_risk(one: Outcome, trial: Trial) -> bool:
    """Whether the stop, or the start of the new replica, could have cost this request."""
    if one.replica == OLD:
        return one.ended >= trial.stop.requested
    first = min((other.at for other in trial.outcomes if other.replica == NEW and not other.is_lost), default=float("inf"))
    return one.replica != NEW or one.at <= first


def percentile(values: Iterable[float], part: int) -> float:
    """The value below or at which so many percent of them are; 0 of none."""
    row = sorted(values)
    return row[min(len(row) - 1, len(row) * part // 100)] if row else 0.0


def tallies(trials: Sequence[Trial]) -> dict[str, Tally]:
    """The trials by arm, in the order of their first one."""
    arms = dict.fromkeys(trial.arm for trial in trials)
    return {arm: Tally(arm, tuple(trial for trial in trials if trial.arm == arm)) for arm in arms}


def doubts(found: Iterable[Tally], most_late: float = MOST_LATE) -> list[str]:
    """Why the figures cannot be trusted; nothing where they can."""
    said = []
    for tally in found:
        base = [one for trial in tally.trials for one in trial.baseline]
        failed = losses(base)
        if failed:
            said.append(
                f"{tally.arm}: {sum(failed.values())} of {len(base)} requests were lost while nothing was stopped "
                f"({by_kind(failed)}); what fails at rest cannot be blamed on a stop"
            )
        if tally.late > most_late:
            said.append(
                f"{tally.arm}: the generator was late: 99 % of the requests began within {1000 * tally.late:.0f} ms, "
                f"and {1000 * most_late:.0f} ms are allowed; "
                "give --rate a smaller number, or use a machine that has less to do"
            )
    return said


def by_kind(lost: dict[str, int]) -> str:
    """Losses in words."""
    return ", ".join(f"{lost[kind]} {kind}" for kind in KINDS if kind in lost)


def exit_status(judged: Tally, most_lost: int) -> int:
    """0 where the judged arm has lost no more than is allowed, else 1."""
    return LOST if judged.lost_in_all > most_lost else WELL
