"""PURE. The rounds of a request: those held back come after those who work, newcomers get a time, at last there is a call."""

from pyinit.delivery import LEFT, Plan, Request
from pyinit.life.actions import Action, Deliver, WatchExit, say
from pyinit.log import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.life.actions import Story

#: Seconds until those are looked at again who may be in a moment that passes.
BLINK = 1 / 64

#: So many looks may come too early for one without a CPU before they become rarer.
EARLY = 6

#: Seconds that what was started since the request may take, if it handles the signal, where no time is known that it has.
NEWCOMERS_MAY_TAKE = 10.0

#: Who was not told because of one above is told when this part of the time is over: two thirds, to what binary figures hold.
LAST_CALL_AT = 21 / 32

#: In the sweep, where somebody goes every moment: so many times what a look has taken lies between two looks. So to look at
#: thousands takes a tenth of the time at most.
REST = 9


def _blink(request: Request) -> float:
    """Seconds to the next look: most who spawn are done at once, and the others shall not hold PID 1 in a loop.

    Who gets no CPU is kept waiting for as long again as it was without one, and no longer.
    """
    first = min(BLINK, BLINK / 8 * (1 << request.looks + request.waits))
    return first * (1 << max(0, request.waits - EARLY))


class Rounds:
    """What has become of the newest stop request, and of signals that are to be looked at a second time."""

    def __init__(self, settle: float, story: "Story") -> None:
        """`settle`: seconds between the end of those who work and the next round."""
        self._settle = settle
        self._story = story
        self.request: Request | None = None  # the one whose later rounds are still to come
        self.is_blind = False  # /proc did not tell whom the newest stop request has reached
        self.working: list[int] = []  # those whose exit the next round waits for; the last one is watched
        self._gone: set[int] = set()  # those of them that have gone already
        self._held: tuple[int, ...] = ()
        self._has_looked_again = False  # in the sweep, once for each request
        self._second_looks: dict[int, Request] = {}  # signals that are no stop requests, by number
        self._second_look_at: float | None = None
        self._patience_over_at: float | None = None
        self._last_call_at: float | None = None
        self._round_at: float | None = None
        self._round_took = 0.0  # seconds, of the last one
        self._is_over = False  # SIGKILL has come

    @property
    def times(self) -> tuple[float | None, ...]:
        """When on_timeout() wants to be called."""
        return self._round_at, self._second_look_at, self._patience_over_at, self._last_call_at

    @property
    def has_told_nobody(self) -> bool:
        """Whether all whom the newest stop request is for are still to be looked at again."""
        return self.request is not None and not (self.request.told or self.is_blind) and self._round_at is not None

    # --- what begins and ends them ---

    def on_new_request(self) -> None:
        """A stop was requested once more, of those who have been told already."""
        self.is_blind = self._has_looked_again = False

    def after_the_same_looks(self, request: Request) -> Request:
        """A new request, of those too of whom it is not known yet what they are: they are not looked at more often for it."""
        last = self.request
        return request if last is None else request.but(looks=last.looks, waits=last.waits)

    def on_time_known(self, now: float, left: float) -> None:
        """There are so many seconds left from now on: the last call comes in time for them."""
        self._last_call_at = now + left * LAST_CALL_AT

    def on_time_extended(self, now: float, left: float) -> None:
        """There are more seconds left now: the last call comes later, if it has not been."""
        if self._last_call_at is not None:
            self.on_time_known(now, left)

    def on_sweep(self) -> None:
        """The command has exited: whatever was to come next, it is for all who are left."""
        self._round_at = None

    def on_kill(self) -> None:
        """SIGKILL comes, and no round after it."""
        self._is_over = True
        self._round_at = self._last_call_at = self._patience_over_at = None

    # --- what was carried out ---

    def on_forwarded(self, request: Request, plan: Plan, now: float) -> None:
        """A signal that is no stop request has been delivered as planned: some may be looked at again."""
        if plan.unsure:
            self._second_looks[request.signum] = plan.next
            self._second_look_at = now + _blink(request)

    def on_last_call(self, plan: Plan) -> None:
        """The last call has been delivered as planned; the round that goes on knows who was told by it."""
        if self.request is not None:
            self.request = self.request.but(told=plan.next.told)

    def on_delivered(self, request: Request, plan: Plan, now: float, took: float, is_sweep: bool) -> list[Action]:
        """A round has been carried out as planned, which took so many seconds."""
        self.request, self._held = plan.next, plan.held
        self._round_took = took
        self.working, self._gone = sorted(plan.working, reverse=True), set()
        if not plan.spared or request.has_waited:
            self._patience_over_at = None
        elif self._patience_over_at is None:
            self._patience_over_at = self._last_call_at or now + NEWCOMERS_MAY_TAKE
        if plan.unsure or (plan.held and not plan.working):  # or nobody to wait for: those who work may not be signalled
            self._round_at = now + (_blink(request) if plan.unsure else BLINK)
            return []
        # In the sweep we look once more: one that was told between fork and exec is another program by then.
        looks_again = request.scope == LEFT and not self._has_looked_again and is_sweep and not plan.held
        self._has_looked_again |= looks_again
        self._round_at = now + self._settle if looks_again or plan.draining else None
        return self._wait_for_next(now)

    def on_blind(self, request: Request) -> None:
        """A stop request has gone to everybody at once: /proc did not tell whom it has reached."""
        self.is_blind, self.request = True, request

    # --- who goes ---

    def on_gone(self, pid: int, now: float) -> list[Action]:
        """A process has exited, which may be one that is waited for."""
        if not self.working or pid in self._gone:
            return []
        self._gone.add(pid)
        return self._wait_for_next(now) if pid == self.working[-1] else []

    def on_gone_in_sweep(self, gone: set[int], now: float) -> None:
        """Children have exited in the sweep: who was started meanwhile has not been told yet, so there is a further look."""
        told = self.request.told if self.request is not None else {}
        if self._round_at is None and not self._held and any(pid in told for pid in gone):
            self._round_at = now + max(self._settle, REST * self._round_took)

    def _wait_for_next(self, now: float) -> list[Action]:
        """Wait for one who still works; after the last one let things settle."""
        if self._is_over or not self.working:
            return []
        while self.working and self.working[-1] in self._gone:
            self.working.pop()
        if self.working:
            return [WatchExit(self.working[-1])]
        if self._round_at is None:
            self._round_at = now + self._settle
        text = f"the last handler has gone, {self._story.how_long(now)}; those held back have {seconds(self._settle)}"
        return [say("settling", f"{text} to end by themselves", held=list(self._held))]

    # --- what comes next ---

    def on_timeout(self, now: float, spares_mortals: bool) -> list[Action]:
        """It may be time for a further round of what was asked."""
        actions: list[Action] = []
        if self._second_look_at is not None and now >= self._second_look_at:
            self._second_look_at = None
            actions += [Deliver(request.but(spares_mortals=spares_mortals)) for request in self._second_looks.values()]
            self._second_looks = {}
        if self._last_call_at is not None and now >= self._last_call_at:
            self._last_call_at = None
            if self.request is not None and not self.is_blind:
                # No other round at the same moment: it would not know yet who is told by this one.
                return [*actions, Deliver(self.request.but(is_last_call=True, has_waited=True))]
        if self._patience_over_at is not None and now >= self._patience_over_at and self.request is not None:
            self._patience_over_at = None
            self.request = self.request.but(has_waited=True)
            self._round_at = now
        if self._round_at is not None and now >= self._round_at:
            self._round_at = None
            if self.request is not None:
                actions.append(Deliver(self.request))
        return actions
