"""PURE. Whether the resets that a container's kernel sent are those that the client saw, and why they may not be."""

from pyinit.rehearse import outcome
from pyinit.rehearse.judge import Tally
from pyinit.rehearse.result import OLD, Trial

#: The kinds of loss by which a connection ended otherwise than in good order.
BROKEN_OFF = (outcome.REFUSED, outcome.RESET_BEFORE, outcome.RESET_AFTER, outcome.CUT)


def seen(trial: Trial) -> int:
    """How many requests a reset of the old container ended, from the stop request to its end: behind that nobody sends one."""
    return sum(
        one.by_reset and one.replica == OLD and trial.stop.requested <= one.ended <= trial.stop.ended for one in trial.outcomes
    )


def broken_off(trial: Trial) -> int:
    """How many more requests of that time were broken off: to a request that came when it had closed, it may send a reset."""
    return sum(
        one.kind in BROKEN_OFF
        and not one.by_reset
        and one.replica == OLD
        and trial.stop.requested <= one.ended <= trial.stop.ended
        for one in trial.outcomes
    )


def resets(tally: Tally) -> tuple[int | None, int]:
    """Those that the kernel sent in all trials, None where that was not seen in one of them; and those that the client saw."""
    sent = [trial.resets for trial in tally.trials]
    known = [count for count in sent if count is not None]
    return (sum(known) if len(known) == len(sent) else None), sum(map(seen, tally.trials))


def disagreement(tally: Tally) -> str:
    """A sentence where they cannot be the same ones; empty where they can, or where nobody knows."""
    sent, client = resets(tally)
    more = sum(map(broken_off, tally.trials))
    if sent is None or client <= sent <= client + more:
        return ""
    said = f"{tally.arm}: the old container's kernel sent {sent} TCP resets, and the client saw {client}"
    if sent > client:
        said += f", and {more} more requests that were broken off"
        return f"{said}; the others can be of connections without a request, of its HEALTHCHECK or of its own connections"
    return f"{said}; some came when the container was gone, so that something else on the way sent them"
