"""PURE. Whether the resets that a container's kernel sent are those that the client saw, and why they may not be."""

from pyinit.rehearse.judge import Tally
from pyinit.rehearse.result import OLD, Trial


def seen(trial: Trial) -> int:
    """How many requests a reset of the old container ended, from the stop request to its end: behind that nobody sends one."""
    return sum(
        one.by_reset and one.replica == OLD and trial.stop.requested <= one.ended <= trial.stop.ended for one in trial.outcomes
    )


def resets(tally: Tally) -> tuple[int | None, int]:
    """Those that the kernel sent in all trials, None where that was not seen in one of them; and those that the client saw."""
    sent = [trial.resets for trial in tally.trials]
    known = [count for count in sent if count is not None]
    return (sum(known) if len(known) == len(sent) else None), sum(map(seen, tally.trials))


def disagreement(tally: Tally) -> str:
    """A sentence where they are not the same; empty where they are, or where nobody knows."""
    sent, client = resets(tally)
    if sent is None or sent == client:
        return ""
    said = f"{tally.arm}: the old container's kernel sent {sent} TCP resets, and the client saw {client}"
    if sent > client:
        return f"{said}; the others can be of connections without a request, of its HEALTHCHECK or of its own connections"
    return f"{said}; some came when the container was gone, so that something else on the way sent them"
