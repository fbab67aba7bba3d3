"""PURE. Between a stop request and the stop signal: the delay, the pre-stop command, and the accept queues."""

from pyinit.life.actions import PRE_STOP_COMMAND, Action, KillPreStop, RunPreStop, Say, WatchTraffic, say
from pyinit.log import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.kernel.system import Reaped
    from pyinit.life.actions import Story
    from pyinit.settings.config import Config


class PreStop:
    """What the stop signal still waits for, and until when; a time is None where it waits for nothing of the kind."""

    def __init__(self, config: "Config", story: "Story") -> None:
        self._config = config
        self._story = story
        self.command: int | None = None  # PID of the pre-stop command while it runs
        self.command_was = 0  # and also after it ran out of time
        self.command_over_at: float | None = None
        self.delay_over_at: float | None = None
        self.delay_ended_by: str | None = None  # CUT_SHORT, PRE_STOP_COMMAND
        self.has_no_traffic = False  # nobody listens; but the pre-stop command has the last word
        self.queues_over_at: float | None = None
        self._untold: tuple[list[Action], list[Action]] | None = None  # of the request: with a delay, and where there is none

    @property
    def times(self) -> tuple[float | None, ...]:
        """The ends of all that is waited for."""
        return self.delay_over_at, self.queues_over_at, self.command_over_at

    @property
    def awaits_word(self) -> bool:
        """Whether a pre-stop command runs that has the last word about the delay: silence alone does not end it."""
        return self._config.pre_stop_until and self.command is not None

    @property
    def is_wanted(self) -> bool:
        """Whether there is a delay or a pre-stop command at all."""
        return self._config.pre_stop_delay != 0 or bool(self._config.pre_stop)

    @property
    def is_over(self) -> bool:
        """Whether the delay is over, the pre-stop command has exited, and the queues are not waited for yet."""
        return self.delay_over_at is None and self.command is None and self.queues_over_at is None

    def begin(
        self, heading: str, fields: dict[str, object], signum: int, fall: list[Action], watch: WatchTraffic, now: float
    ) -> list[Action]:
        """A stop was requested, by this signal: `heading` and `fields` tell of it; then readiness is to `fall`."""
        delay, hook = self._config.pre_stop_delay, self._config.pre_stop
        assumption = self._config.assumption if delay is None else ""
        fields |= {"pre_stop_delay": "auto" if delay is None else delay, "pre_stop": hook}
        if assumption:
            fields["assumed"] = assumption
        waits = self._waits()
        note = f"; the command {' '.join(waits).removeprefix('and ')}" if waits else ""
        said = Say("info", "stop_requested", heading + note, fields)
        if not waits:
            return [said, *fall, watch]
        self.delay_over_at = now + (self._config.longest_delay if delay is None else delay) if delay != 0 else None
        # The pre-stop command first: should there be no traffic at all, it must be waited for all the same.
        begin = [*fall, RunPreStop(signum), watch] if hook else [*fall, watch]
        noted = self._story.note(note.removeprefix("; "))
        if delay is not None:
            return [said, *begin, noted]
        # Whether there is a delay at all is known when the traffic has been looked at, and is told then.
        rest = " ".join(waits[1:]).removeprefix("and ").replace("or until", "keeps serving until")
        alone = Say("info", "stop_requested", heading + (f"; the command {rest}" if rest else ""), said.fields)
        self._untold = ([said, noted], [alone, self._story.note(f"the command {rest}")] if rest else [alone])
        return begin

    def _waits(self) -> list[str]:
        """For people: what is waited for."""
        config, waits = self._config, []
        if config.pre_stop_delay is None:
            longest = config.longest_delay
            times = [seconds(config.pre_stop_min)] if config.pre_stop_min < longest else []
            why = f"; {config.assumption}" if config.assumption else ""
            waits.append(f"keeps serving until the traffic is quiet ({' to '.join([*times, seconds(longest)])}{why})")
        elif config.pre_stop_delay:
            waits.append(f"keeps serving for {seconds(config.pre_stop_delay)}")
        if config.pre_stop:
            until = "or until" if config.pre_stop_until else "and waits for"
            limit = "" if config.pre_stop_until else f", at most {seconds(config.pre_stop_timeout)}"
            waits.append(f"{until} the pre-stop command{' succeeds' if config.pre_stop_until else ''}{limit}")
        return waits

    def tell_request(self, has_no_delay: bool) -> list[Action]:
        """What there is to tell of the request, if that has waited for the first finding about the traffic."""
        if self._untold is None:
            return []
        with_delay, without = self._untold
        self._untold = None
        return without if has_no_delay else with_delay

    def end(self) -> None:
        """The command is told, or has gone: neither the delay nor the queues are waited for any more."""
        self.delay_over_at = self.queues_over_at = None

    # --- the pre-stop command ---

    def on_command_started(self, pid: int, now: float) -> None:
        """The pre-stop command runs."""
        self.command = self.command_was = pid
        # With --pre-stop-until it is of use until the end of the delay, and no longer.
        self.command_over_at = None if self._config.pre_stop_until else now + self._config.pre_stop_timeout

    def on_command_exit(self, child: "Reaped", now: float) -> list[Action]:
        """The pre-stop command has exited, which may end the delay."""
        self.command = self.command_over_at = None
        self.command_was = 0
        until = self._config.pre_stop_until and self.delay_over_at is not None
        ends = not child.status or self.has_no_traffic
        meaning = (", and the delay ends" if ends else "; the delay goes on") if until else ""
        how_long = seconds(self._story.since(now))
        text = f"the pre-stop command exited with status {child.status} after {how_long}{meaning}"
        if until and ends:
            self.delay_over_at = None
            self.delay_ended_by = None if child.status else PRE_STOP_COMMAND
        return [say("pre_stop_exited", text, "warning" if child.status else "info", status=child.status)]

    def on_delay_over(self, now: float) -> list[Action]:
        """The delay is over, and with it the time of a pre-stop command that had the last word."""
        self.delay_over_at = None
        if not self.awaits_word:
            return []
        text = f"the pre-stop command has not succeeded within {seconds(self._story.since(now))}, and is killed"
        return self._kill("pre_stop_timeout", text, "warning")

    def on_command_timeout(self) -> list[Action]:
        """The time of the pre-stop command is over."""
        limit = seconds(self._config.pre_stop_timeout)
        text = f"the pre-stop command did not exit within {limit} and is killed (--pre-stop-timeout)"
        return self._kill("pre_stop_timeout", text, "warning")

    def on_command_gone(self) -> list[Action]:
        """The command itself has exited, so that a pre-stop command has no word any more about when it is told."""
        if not self.awaits_word:
            return []
        text = "the pre-stop command is killed: there is no command any more that could be told"
        return self._kill("pre_stop_killed", text, "info")

    def _kill(self, event: str, text: str, level: str) -> list[Action]:
        """The time of the pre-stop command is over, for the reason in the text."""
        pid, self.command, self.command_over_at = self.command, None, None
        return [] if pid is None else [say(event, text, level, pid=pid), KillPreStop(pid)]
