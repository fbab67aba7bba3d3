"""Who is told of a signal, and when: what is asked, and what comes of it. PURE, as is all in this folder.

plan.py has the rules, and is what others ask. Of a scene (what is asked, and who is there) it has a tree made: what each is
(kinds.py, jobs.py), and who holds others up; then it is found who reads another's pipe (pipes.py), then the choice is made,
and a plan comes of it (outcome.py). programs.py knows what well-known programs want, and traps.py what the text of a shell
script tells. All of them are imported when there is a signal to deliver, not before: PID 1 at rest has no use for them.
"""

from pyinit.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

#: Who a request is for: the command's process group, or all that the command has left behind.
IN_GROUP = "group"
LEFT = "left"

#: What happens to a process, see Plan.fates.
TOLD, FINISHES, BELONGS, HELD, READS, DRAINS, MAY_FINISH, LEFT_TO, UNSURE, DEAF, DENIED = (
    "told",
    "was told",
    "belongs to",
    "held back until",
    "reads the output of",
    "may read to the end",
    "may finish",
    "left to",
    "looked at again",
    "ignores it",
    "may not be signalled",
)

#: Looks at a process that may be in a moment which passes: between fork and exec, or about to start somebody.
LOOKS = 8

#: Looks that do not count, because somebody has had no CPU since the last one, and so no time to get out of that moment.
WAITS = 13


class Request(Record):
    """A signal on its way: what is asked of whom, and what earlier rounds have done about it.

    `is_stop` tells a stop request from a forwarded signal. `by_program`: a well-known program gets its own graceful signal.
    `told` are those who have been signalled: by PID the start time and the image, see processes.Process. `heard`, likewise,
    handled the signal and were left to somebody who was told. `seen` are all processes of the first round, by PID their start
    time; None in that round. `usual` are the command lines of those who were told or held back then. `looks` counts the looks
    at those who may be in a moment that passes, `waits` those looks that came too early for one without a CPU. `unsure` are
    those who were looked at last: by PID the start time, and how long each had run. `has_waited`: processes that were started
    since have had their time. `has_drained`: so have, in a sweep, those who read a pipe.
    `denied` are those whom we have no right to signal.
    `is_last_call`: whoever handles the signal and was not told is told now. `spares_mortals`: nobody may die of it. `spared` is
    the process group of a pre-stop command, which has a time limit of its own.
    """

    signum: int
    scope: str
    is_stop: bool
    by_program: bool = False
    told: "Mapping[int, tuple[int, int]]" = {}  # noqa: RUF012 - nobody can change it
    heard: "Mapping[int, tuple[int, int]]" = {}  # noqa: RUF012 - as above
    seen: "Mapping[int, int] | None" = None
    usual: "frozenset[tuple[str, ...]]" = frozenset()
    looks: int = 0
    has_waited: bool = False
    has_drained: bool = False
    denied: frozenset[int] = frozenset()
    is_last_call: bool = False
    spares_mortals: bool = False
    spared: int | None = None
    unsure: "Mapping[int, tuple[int, bytes]]" = {}  # noqa: RUF012 - as above
    waits: int = 0


class Plan(Record):
    """What to do for a request. `now`: signal by PID. `whole_group`: `now` is just the group, so one kill(-pgid) will do.

    `resume` are stopped, and get SIGCONT. `held` are held back until all of `working` have gone. `unsure` are looked at again
    in a moment. `spared` were started since the request, or are left to their script: they may finish. `draining` read a pipe
    whose writers have gone or go now: they get some time to read to its end. `deaf` would do nothing about it. `fates` is what
    happens to each, by PID: a word of the list above, and the PID that it depends on or 0. `reasons` says by PID why a signal
    is not the one that was asked for. `next` is the request for the next round.
    """

    now: dict[int, int]
    next: Request
    whole_group: bool = False
    resume: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    working: frozenset[int] = frozenset()
    unsure: tuple[int, ...] = ()
    spared: tuple[int, ...] = ()
    draining: tuple[int, ...] = ()
    deaf: tuple[int, ...] = ()
    fates: "Mapping[int, tuple[str, int]]" = {}  # noqa: RUF012 - nobody changes it
    reasons: "Mapping[int, str]" = {}  # noqa: RUF012 - as above

    def without(self, denied: "Collection[int]") -> "Plan":
        """The same without those who could not be signalled: nobody shall wait for them as if they had been told."""
        told = {pid: told for pid, told in self.next.told.items() if pid not in denied}
        request = self.next.but(told=told, denied=self.next.denied.union(denied))
        return Plan(**{**vars(self), "whole_group": False, "working": self.working.difference(denied), "next": request})
