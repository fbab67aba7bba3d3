"""Waiting for many descriptors at once: epoll(7), and whom to call for each."""

import select

from pyinit.kernel import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READABLE = select.EPOLLIN

#: Of a descriptor whose other end is gone; always told.
GONE = select.EPOLLERR | select.EPOLLHUP


class Poller:
    """Calls back for whatever happens to the descriptors that are watched."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[int], None]] = {}

    def watch(self, descriptor: int, events: int, call: "Callable[[int], None]") -> None:
        """Call with the events that have happened, of those named or GONE; in place of what was to be done before."""
        if descriptor in self._calls:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._calls[descriptor] = call

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no longer; before it is closed."""
        if self._calls.pop(descriptor, None) is not None:
            try:
                self._epoll.unregister(descriptor)
            except OSError:
                pass  # EBADF, ENOENT: closed already, which has taken it out as well

    def wait(self, seconds: float | None) -> None:
        """Wait for something to happen, at most so long (None: for ever), and call whom it concerns."""
        limit = None if seconds is None else min(max(0.0, seconds), system.LONGEST_POLL / 1000)
        for descriptor, events in self._epoll.poll(limit):
            call = self._calls.get(descriptor)
            if call is not None:  # else one of those before has had it forgotten
                call(events)
