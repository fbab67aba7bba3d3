"""PURE. What is ready: verdicts about single targets to one about all; and that, with where we are in life, to a readiness.

The words for a readiness are those of page.py: unasked, waiting, ready, unready, fallen. Between waiting, ready and unready the
verdicts decide. To fallen the lifecycle leads (a stop), or the command itself (STOPPING=1), and nothing leads back: whoever has
been told that we are going must not be told otherwise.
"""

from pyinit.page import FALLEN, READY, UNASKED, UNREADY, WAITING
from pyinit.record import Record
from pyinit.settings.config import NOTIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Verdict(Record):
    """Whether something holds, and why, for people."""

    holds: bool
    reason: str


#: Before the command has said READY=1.
NOT_NOTIFIED = Verdict(False, "the command has not said READY=1 yet")
NOTIFIED = Verdict(True, "the command has said READY=1")


def together(targets: "Sequence[str]", found: "Mapping[str, Verdict]", is_notified: bool) -> Verdict | None:
    """The verdict about all targets: all must hold. None where one is not known yet, and all others hold.

    `found` is what is known of each; `is_notified` is what is known of NOTIFY.
    """
    reasons = []
    is_unknown = False
    for target in targets:
        verdict = (NOTIFIED if is_notified else NOT_NOTIFIED) if target == NOTIFY else found.get(target)
        if verdict is None:
            is_unknown = True
        elif not verdict.holds:
            return verdict
        else:
            reasons.append(verdict.reason)
    return None if is_unknown else Verdict(True, "; ".join(reasons))


def is_news(verdict: Verdict | None, reported: Verdict | None) -> bool:
    """Whether a verdict is to be reported after another. The reasons of two that hold may differ by what a probe took."""
    if verdict is None:
        return False
    return reported is None or verdict.holds != reported.holds or (not verdict.holds and verdict.reason != reported.reason)


def first(targets: "Sequence[str]") -> str:
    """The readiness at the start."""
    return WAITING if targets else UNASKED


def after(readiness: str, holds: bool) -> str:
    """The readiness after a verdict."""
    if readiness in (FALLEN, UNASKED):
        return readiness
    if holds:
        return READY
    return WAITING if readiness == WAITING else UNREADY


def is_ready(readiness: str) -> bool:
    """Whether traffic may come: also where nobody has said what ready is."""
    return readiness in (READY, UNASKED)
