"""The pre-stop delay that the traffic decides about."""

from pyinit.life.actions import DELAY, NOTHING, Finding
from pyinit.log import seconds
from pyinit.traffic import arrivals, loss, quiet, surroundings
from pyinit.traffic.diag import TIME_WAIT_LASTS
from pyinit.traffic.proc_net import ProcNet
from pyinit.traffic.view import Look, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.traffic.arrivals import Arrivals
    from pyinit.traffic.diag import Connections
    from pyinit.traffic.view import View

#: Seconds between two looks, at least.
PERIOD = 0.25

#: Segments on one connection between two looks count for so many events at most: more are rather one large request.
REQUESTS = 2

#: A tick of the kernel's clock, and a bit: what has come since the last look is at most that much older.
TICK = 0.011


class Delay:
    """Begins, and ends when the traffic is quiet.

    `due_at` is when look() wants to be called, None where there is nothing to look for. `ended` is how it ended, as in loss.py.
    `last_event` is when traffic was last seen, in seconds since the stop request.
    """

    def __init__(self, view: "View", requested_at: float, life: float, opened: int | None, since: str = "the start") -> None:
        """The stop was requested at a time, after a life of so many seconds, in which so many connections were opened.

        None: nobody has counted them. `since` says for people when that life began.
        """
        config = view.config
        self.due_at: float | None = None
        self.ended = loss.NO_DELAY if config.pre_stop_delay == 0 else loss.FIXED
        self.last_event: float | None = None
        self._view = view
        self._requested_at = requested_at
        self._life = life
        self._since = since
        self._counted = max(1.0, life)  # seconds for a rate: what came in less is no rate
        self._opened = opened
        self._policy = quiet.Policy(config.pre_stop_min, config.longest_delay, config.pre_stop_quiet)
        self._arrivals: Arrivals | None = None
        self._seen: quiet.Seen | None = None
        self._segments = 0  # of inbound data, at the last look
        self._has_told_of_silence = False
        self._never_ready = ""  # why the command was not, as long as no traffic has come that does not care

    def begin(self, never_ready: str = "") -> Finding | None:
        """Begin to watch for silence, if that is what ends the delay and there is anything to watch.

        Where the command has never been ready, for a reason, there should be no traffic; where none comes, the delay is short.
        """
        config, ports = self._view.config, self._view.ports
        if config.pre_stop_delay is not None:
            return None
        if self._view.is_shared and not config.ports:
            return self._unseen("on the host's network it is not ours alone (--ports says what is)")
        if not ports:
            other = "UDP" if surroundings.serves_udp() else "unix sockets" if surroundings.serves_unix() else ""
            if other:
                return self._unseen(f"it comes over {other}")
            return Finding(DELAY, "info", "no_listener", "nobody listens on a TCP port, so there is no pre-stop delay")
        if not any(map(self._view.counts, ports)):
            listening = listed(ports)
            if config.ports:
                return self._unseen(f"nobody listens on a port that counts, but on {listening} (--ports)", "warning")
            self.ended = loss.IGNORED
            text = f"only ignored ports are listened on ({listening}), so there is no pre-stop delay"
            return Finding(DELAY, "info", "no_listener", text)
        return self._begin_to_watch(never_ready)

    def _unseen(self, reason: str, level: str = "info") -> Finding:
        self.ended = quiet.MAXIMUM
        text = f"the traffic cannot be watched, so the delay is {seconds(self._policy.maximum)}: {reason}"
        return Finding(NOTHING, level, "traffic_unseen", text, {"reason": reason})

    def _begin_to_watch(self, never_ready: str) -> Finding:
        view = self._view
        probes = view.sockets.own_probes()
        config = view.config
        restricted = view.counts if config.ports or config.ignore_ports or config.health_listen or probes else None
        self._arrivals = arrivals.choose(view.sockets, restricted, view.is_shared or probes > 0)
        first, *_ = self._look_at_connections(self._arrivals, quiet.FIRST)
        self._never_ready = "" if first.count else never_ready
        # Probes of ours, which the kernel has counted, were as many all the time as in the last minute.
        opened = (self._opened or 0) / self._counted - probes / min(self._counted, TIME_WAIT_LASTS)
        average = max(0.0, opened, first.segments / self._counted)
        life = None if self._opened is None else self._life
        self._seen = quiet.Seen(quiet.Before(average, first.active, first.idle, self._lately(average), life))
        ports = sorted(filter(view.counts, view.ports))
        text = f"watching the traffic to port {listed(ports)}: {first.count} connections, {average:.2f} events/s so far"
        level = "debug"
        if isinstance(view.sockets, ProcNet):
            level = "info"
            text += "; without sock_diag, where no connection at all is quiet"
        return Finding(NOTHING, level, "traffic_watched", text, {"ports": ports, "connections": first.count})

    def _lately(self, average: float) -> float:
        """The rate of late as far as it is known, in events/s; 0 where the average is so high that nobody needs to know."""
        if average * self._policy.quiet >= quiet.EVENTS:
            return 0.0  # and there might be thousands to be looked through
        within = min(self._counted, quiet.LATELY)
        closed = self._view.sockets.closed(self._view.counts, within, self._view.ports)
        return closed / within if closed >= quiet.ENOUGH else 0.0

    def _look_at_connections(self, opened_since: "Arrivals", within: float) -> "tuple[Connections, int, float | None]":
        """The connections; how many events there were since the last look; and the age of the last one, if that is known."""
        look = Look()
        opened_since.before_look()
        self._view.listeners()
        found = self._view.connections(within)
        opened = opened_since.after_look(found.count)
        # Of whose connection has ended the sum knows no more, so it may be too low. An upload makes it too high.
        received = min(found.segments - self._segments, REQUESTS * found.active)
        self._segments = found.segments
        self.due_at = look.next_at(PERIOD)
        # Who came and went unseen may have been later than those who are still there.
        return found, max(opened, found.active, received), None if opened > found.active else found.idle

    def look(self, now: float, awaits_word: bool) -> Finding | None:
        """Look whether the delay is over. `awaits_word`: somebody else has the last word, so that silence does not end it."""
        if self._seen is None or self._arrivals is None:
            self.due_at = None
            return None
        at = now - self._requested_at
        if now >= self._requested_at + self._policy.maximum:
            at = max(at, self._policy.maximum)  # which rounding may have missed
        _, events, idle = self._look_at_connections(self._arrivals, at - self._seen.looked_at + TICK)
        seen = self._seen = quiet.saw(self._seen, at, events, idle)
        if events:
            self.last_event = seen.last_at
            self._never_ready = ""
        if self._never_ready and at >= quiet.FIRST:
            self.ended, self.due_at = loss.NOT_READY, None
            text = f"the command has never been ready ({self._never_ready}), and no traffic has come since the stop request"
            return Finding(DELAY, "info", "never_ready", text)
        verdict = quiet.verdict(self._policy, seen)
        if verdict is None or (awaits_word and at < self._policy.maximum):
            over_at = self._requested_at + quiet.over_at(self._policy, seen)
            if self.due_at is not None and over_at > now:
                self.due_at = min(self.due_at, over_at)
            return self._tell_of_silence(seen) if verdict else None
        self.ended, self.due_at = verdict, None
        return self._tell_of_end(verdict, seen)

    def _tell_of_silence(self, seen: quiet.Seen) -> Finding | None:
        if self._has_told_of_silence:
            return None
        self._has_told_of_silence = True
        silence = seconds(seen.looked_at - seen.last_at)
        text = f"the traffic has been quiet for {silence}; the pre-stop command has the last word"
        return Finding(NOTHING, "info", "traffic_quiet", text)

    def _tell_of_end(self, verdict: str, seen: quiet.Seen) -> Finding:
        rate = quiet.rate(seen)
        silence = seen.looked_at - seen.last_at
        limit = f"{seconds(self._policy.maximum)} ({self._view.config.limit_of_delay})"
        if verdict == quiet.QUIET and quiet.never_called(seen):
            ever = "ever " if self._since == "the start" else ""
            text = f"no traffic has {ever}come, in the {seconds(self._life + seen.looked_at)} since {self._since}"
        elif verdict == quiet.QUIET:
            text = f"the traffic has been quiet for {seconds(silence)}, after {rate:.1f} events/s"
        elif not rate and not seen.events:
            text = f"no traffic has ever come, so that silence means nothing: served on for {limit}"
        elif silence >= self._policy.quiet:
            text = f"{rate:.1f} events/s are too few for {seconds(silence)} of silence to mean anything: served on for {limit}"
        elif not seen.events:
            text = f"no traffic came within {limit}, but that is too short a time to mean anything"
        else:
            text = f"the traffic has not gone quiet within {limit}: the last of it came {seconds(silence)} ago"
        fields: dict[str, object] = {
            "verdict": verdict,
            "seconds": seen.looked_at,
            "silence": silence,
            "needed": min(quiet.needed(self._policy, seen), self._policy.maximum),
            "rate": rate,
            "events": seen.events,
        }
        return Finding(DELAY, "info", f"traffic_{'quiet' if verdict == quiet.QUIET else 'not_quiet'}", text, fields)
