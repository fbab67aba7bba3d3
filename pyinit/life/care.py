"""Care for what keeps the health helper: it fails alone. Imported where there is to be a helper."""

from pyinit.kernel import system
from pyinit.kernel.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from pyinit.health.keeper import Keeper
    from pyinit.kernel.system import Reaped
    from pyinit.life.actions import Action
    from pyinit.log import Log

    Answer = TypeVar("Answer")


class Care:
    """Asks who keeps the helper, as long as he can answer."""

    def __init__(self, keeper: "Keeper", log: "Log") -> None:
        """`log` is told when he fails."""
        self._keeper: Keeper | None = keeper
        self._log = log

    @property
    def is_lost(self) -> bool:
        """Whether nobody keeps a helper any more."""
        return self._keeper is None

    @property
    def pid(self) -> int:
        """The helper's; 0 while there is none."""
        return 0 if self._keeper is None else self._keeper.pid

    @property
    def traffic_since(self) -> tuple[float, bytes] | None:
        """As Keeper has it."""
        return None if self._keeper is None else self._keeper.traffic_since

    @property
    def due_at(self) -> float | None:
        """When turn() wants to be called; None: not by the clock."""
        return None if self._keeper is None else self._keeper.due_at

    def turn(self, now: float) -> "list[Action]":
        """Hear what the helper has reported, start one if it is time; return what the lifecycle wants in consequence."""
        nothing: list[Action] = []
        return self._ask(lambda keeper: keeper.turn(now), nothing)

    def show(self) -> None:
        """Let the helper know what is on the page."""
        self._ask(lambda keeper: keeper.show(), None)

    def fall(self, reason: str, now: float) -> None:
        """Readiness falls, for good."""
        self._ask(lambda keeper: keeper.fall(reason, now), None)

    def end(self) -> None:
        """No more helpers."""
        self._ask(lambda keeper: keeper.end(), None)

    def on_children(self, exits: "list[Reaped]", now: float) -> None:
        """Notice the end of the helper."""
        gone = [child for child in exits if self._keeper is not None and child.pid == self._keeper.pid]
        if gone:
            self._ask(lambda keeper: keeper.on_exit(gone[0], now), None)

    def is_last(self) -> bool:
        """Whether there is a helper, and nobody but it is left, as far as is known: then it must not hold up the end."""
        return self._keeper is not None and self._ask(lambda keeper: keeper.is_last(), True)

    def _ask(self, ask: "Callable[[Keeper], Answer]", otherwise: "Answer") -> "Answer":
        """Ask who keeps the helper. It fails alone: then a helper is started anew, or at worst there is none any more."""
        keeper = self._keeper
        if keeper is None:
            return otherwise
        try:
            return ask(keeper)
        except Exception as error:  # noqa: BLE001 - what the helper serves is worth less than the command
            try:
                keeper.recover(system.monotonic())
                self._log.say("warning", "health_fault", f"the health helper is to start anew: {error}")
            except Exception as another:  # noqa: BLE001 - as above
                self._keeper = None
                if keeper.pid:
                    system.send(keeper.pid, signal.SIGKILL)
                self._log.say("warning", "health_fault", f"there is no health helper any more: {another}")
            return otherwise
