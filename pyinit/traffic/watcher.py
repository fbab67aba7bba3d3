"""Watches the traffic from the stop request to the end: for the pre-stop delay, for the accept queues, for what is lost.

Everything in here is of help and not of need: where it fails, the stop goes on without it (supervise.py).
"""

from pyinit import system
from pyinit.config import QUEUES_MAY_TAKE
from pyinit.lifecycle import DELAY, NOTHING, QUEUES, Finding, seconds
from pyinit.traffic import arrivals, counters, loss, quiet, surroundings
from pyinit.traffic.diag import Connections, Diag
from pyinit.traffic.proc_net import ProcNet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config import Config
    from pyinit.traffic.arrivals import Arrivals

#: Seconds between two looks, at least: at the traffic, at the accept queues.
PERIOD = 0.25
QUEUE_PERIOD = 0.002

#: Seconds that await_moment() takes at most. Short, for PID 1 does nothing else meanwhile.
MOMENT = 0.02

#: Segments on one connection between two looks count for so many events at most: more are rather one large request.
REQUESTS = 2

#: A look may cost this share of a CPU; where it costs more, looks become rarer.
SHARE = 0.05

#: After the stop signal: seconds between two looks, as a share of the time since the stop request.
RESOLUTION = 0.025

#: A tick of the kernel's clock, and a bit: what has come since the last look is at most that much older.
TICK = 0.011


def _open_view() -> Diag | ProcNet:
    """A view of the sockets. Raises OSError where there is none at all."""
    try:
        return Diag()
    except OSError:
        return ProcNet()


#: What is waited for after the stop signal, besides lifecycle's DELAY and QUEUES.
LOSSES = "losses"


class Watcher:
    """What watches. `due_at` is when look() wants to be called next, on the clock of system.monotonic(); None: not at all."""

    def __init__(self, config: "Config", started_at: float, requested_at: float, counters_at_start: bytes) -> None:
        """Two times on the clock of system.monotonic(), and /proc/net/snmp as it was at the start.

        Raises OSError where nothing can be seen.
        """
        self._config = config
        self._started_at = started_at
        self._opened_at_start = counters.opened_in(counters_at_start)
        self._requested_at = requested_at
        self.due_at: float | None = None
        self._waits_for = NOTHING
        self._policy = quiet.Policy(config.pre_stop_min, config.longest_delay, config.pre_stop_quiet)
        self._view = _open_view()
        self._is_shared = surroundings.on_host_network()
        self._ports = set(self._view.listeners())  # that are listened on, or were
        self._queues_until = requested_at
        self._were_open = False  # when the stop signal went out
        self._arrivals: Arrivals | None = None
        self._has_told_of_silence = False
        self._segments = 0  # of inbound data, at the last look
        self._seen: quiet.Seen | None = None
        self._delay = loss.NO_DELAY if config.pre_stop_delay == 0 else loss.FIXED
        self._requested = self._signalled = self._last = None if self._is_shared or not self._ports else counters.read()
        self._last_event: float | None = None
        self._last_reset: float | None = None
        self._open_at_kill = 0

    def _counts(self, port: int) -> bool:
        """Whether connections to a port count as traffic."""
        return port in self._ports and self._config.watches(port)

    # --- the pre-stop delay ---

    def begin(self) -> Finding | None:
        """Begin to watch for silence, if that is what ends the delay and there is anything to watch."""
        if self._config.pre_stop_delay is not None:
            return None
        if self._is_shared and not self._config.ports:
            return self._unseen("on the host's network it is not ours alone (--ports says what is)")
        if not self._ports:
            other = "UDP" if surroundings.serves_udp() else "unix sockets" if surroundings.serves_unix() else ""
            if other:
                return self._unseen(f"it comes over {other}")
            return Finding(DELAY, "info", "no_listener", "nobody listens on a TCP port, so there is no pre-stop delay", {})
        if not any(map(self._counts, self._ports)):
            listening = ", ".join(map(str, sorted(self._ports)[:8]))
            if self._config.ports:
                return self._unseen(f"nobody listens on a port that counts, but on {listening} (--ports)", "warning")
            text = f"only ignored ports are listened on ({listening}), so there is no pre-stop delay"
            self._delay = loss.IGNORED
            return Finding(DELAY, "info", "no_listener", text, {})
        restricted = self._counts if self._config.ports or self._config.ignore_ports else None
        self._arrivals = arrivals.choose(self._view, restricted, self._is_shared)
        self._waits_for = DELAY
        first, *_ = self._look_at_connections(quiet.FIRST)
        life = max(1.0, self._requested_at - self._started_at)
        opened = 0 if self._requested is None else self._requested.opened - self._opened_at_start
        before = quiet.Before(max(opened, first.segments) / life, first.active, first.idle)
        self._seen = quiet.Seen(before)
        ports = sorted(filter(self._counts, self._ports))
        shown = ", ".join(map(str, ports[:8]))
        text = f"watching the traffic to port {shown}: {first.count} connections, {before.average:.2f} events/s so far"
        level = "debug"
        if isinstance(self._view, ProcNet):
            text += "; without sock_diag, where no connection at all is quiet"
            level = "info"
        return Finding(NOTHING, level, "traffic_watched", text, {"ports": ports, "connections": first.count})

    def _unseen(self, reason: str, level: str = "info") -> Finding:
        self._delay = quiet.MAXIMUM
        text = f"the traffic cannot be watched, so the delay is {seconds(self._policy.maximum)}: {reason}"
        return Finding(NOTHING, level, "traffic_unseen", text, {"reason": reason})

    def _look_at_connections(self, within: float) -> tuple[Connections, int, float | None]:
        """The connections; how many events there were since the last look; and the age of the last one, if that is known.

        Says when the next look is due.
        """
        began, cost = system.monotonic(), system.cpu_time()
        if self._arrivals is None:
            raise RuntimeError("the delay has not begun")
        self._arrivals.before_look()
        self._ports.update(self._view.listeners())
        found = self._view.connections(self._counts, within)
        opened = self._arrivals.after_look(found.count)
        # Of whose connection has ended the sum knows no more, so it may be too low. An upload makes it too high.
        received = min(found.segments - self._segments, REQUESTS * found.active)
        self._segments = found.segments
        self.due_at = began + max(PERIOD, (system.cpu_time() - cost) / SHARE)
        # Who came and went unseen may have been later than those who are still there.
        return found, max(opened, found.active, received), None if opened > found.active else found.idle

    def _look_at_traffic(self, now: float, awaits_word: bool) -> Finding | None:
        if self._seen is None:
            return None
        at = now - self._requested_at
        if now >= self._requested_at + self._policy.maximum:
            at = max(at, self._policy.maximum)  # which rounding may have missed
        _, events, idle = self._look_at_connections(at - self._seen.looked_at + TICK)
        self._seen = quiet.saw(self._seen, at, events, idle)
        if events:
            self._last_event = self._seen.last_at
        verdict = quiet.verdict(self._policy, self._seen)
        if verdict is None or (awaits_word and at < self._policy.maximum):
            over_at = self._requested_at + quiet.over_at(self._policy, self._seen)
            if self.due_at is not None and over_at > now:
                self.due_at = min(self.due_at, over_at)
            if verdict is None or self._has_told_of_silence:
                return None
            self._has_told_of_silence = True
            text = f"the traffic has been quiet for {seconds(at - self._seen.last_at)}; the pre-stop command has the last word"
            return Finding(NOTHING, "info", "traffic_quiet", text, {})
        self._delay, self._waits_for, self.due_at = verdict, NOTHING, None
        return self._tell_of_delay(verdict, self._seen)

    def _tell_of_delay(self, verdict: str, seen: quiet.Seen) -> Finding:
        rate = quiet.rate(seen)
        needed = quiet.needed(self._policy, seen)
        silence = seconds(seen.looked_at - seen.last_at)
        option = "--pre-stop-max" if self._policy.maximum == self._config.pre_stop_max else "--stop-timeout"
        limit = f"{seconds(self._policy.maximum)} ({option})"
        if verdict == quiet.QUIET:
            text = f"the traffic has been quiet for {silence}, after {rate:.1f} events/s"
        elif seen.looked_at - seen.last_at >= self._policy.quiet:
            text = f"{rate:.1f} events/s are too few for {silence} of silence to mean anything: served on for {limit}"
        else:
            text = f"the traffic has not gone quiet within {limit}: the last of it came {silence} ago"
        fields: dict[str, object] = {
            "verdict": verdict,
            "seconds": seen.looked_at,
            "silence": seen.looked_at - seen.last_at,
            "needed": min(needed, self._policy.maximum),
            "rate": rate,
            "events": seen.events,
        }
        return Finding(DELAY, "info", f"traffic_{'quiet' if verdict == quiet.QUIET else 'not_quiet'}", text, fields)

    # --- the accept queues ---

    def await_queues(self, until: float) -> Finding | None:
        """Wait until no connection waits in an accept queue, and not beyond a time."""
        self._waits_for, self._queues_until = QUEUES, until
        return self._look_at_queues()

    def _waiting(self) -> list[int]:
        """The ports with connections that wait to be accepted. On the host's network strangers may let theirs wait for ever."""
        waiting = [port for port, length in self._view.listeners().items() if length and not self._config.ignores(port)]
        if self._is_shared:
            return [port for port in waiting if self._config.ports and self._config.watches(port)]
        return waiting

    def _look_at_queues(self) -> Finding | None:
        began, cost = system.monotonic(), system.cpu_time()
        waiting = self._waiting()
        if waiting and began >= self._queues_until:
            self._delay = loss.NOT_ACCEPTED
            ports = ", ".join(map(str, waiting[:8]))
            waited = seconds(QUEUES_MAY_TAKE)
            text = f"connections wait to be accepted on port {ports}, for {waited}; the stop signal waits no longer"
            return Finding(QUEUES, "warning", "not_accepted", text, {"ports": waiting})
        if not waiting:
            return Finding(QUEUES)
        self.due_at = min(self._queues_until, began + max(QUEUE_PERIOD, (system.cpu_time() - cost) / SHARE))
        return None

    def await_moment(self) -> None:
        """Wait some milliseconds at most for empty queues: the last look is older than what was done since."""
        until = system.monotonic() + MOMENT
        while self._waits_for == LOSSES and self._waiting() and system.monotonic() < until:
            system.nap(MOMENT / 20)

    # --- what is lost ---

    def on_signalled(self, ended_by: str | None) -> None:
        """The stop signal goes out now: from here on a reset is a loss. A later one changes nothing.

        `ended_by` is what has ended the delay, if it was neither the traffic nor the time.
        """
        if self._waits_for == LOSSES:
            return
        if ended_by and self._delay != loss.NO_DELAY:
            self._delay = ended_by
        self._waits_for = LOSSES
        self._were_open = bool(self._view.listeners())
        self._look_at_counters(system.monotonic())
        self._signalled, self._last_reset = self._last, None

    def _look_at_counters(self, now: float) -> None:
        """Note the counters, and when it was that resets were sent."""
        read = counters.read()
        since = now - self._requested_at
        self.due_at = now + max(PERIOD, since * RESOLUTION)
        if read is None or self._last is None or not self._were_open:
            self.due_at = None
            return
        if read.resets > self._last.resets:
            self._last_reset = since
        self._last = read

    def on_kill(self) -> None:
        """SIGKILL goes out now."""
        established = self._view.connections(self._ports.__contains__, 0).established
        self._open_at_kill = max(self._open_at_kill, established)

    def losses(self, now: float) -> loss.Losses | None:
        """The report; None where nobody listened, or nothing can be known."""
        self._look_at_counters(now)
        self.due_at = None
        if not self._were_open or self._requested is None or self._signalled is None or self._last is None:
            return None
        times = (self._last_event, self._last_reset)
        return loss.report(loss.Story(self._delay, self._requested, self._signalled, self._last, *times, self._open_at_kill))

    def look(self, now: float, awaits_word: bool) -> Finding | None:
        """Look at what is of interest now. `awaits_word`: somebody else has the last word, so that silence ends nothing."""
        if self._waits_for == DELAY:
            return self._look_at_traffic(now, awaits_word)
        if self._waits_for == QUEUES:
            return self._look_at_queues()
        if self._waits_for == LOSSES:
            self._look_at_counters(now)
        else:
            self.due_at = None
        return None
