"""Config: what the options said, checked and frozen; and what is raised where they say nothing of use."""

from pyinit.kernel.signals import signal
from pyinit.record import Record

#: --forward: who gets a signal: see delivery/plan.py; every handler at once; the command alone.
GROUP = "group"
HANDLERS = "handlers"
COMMAND = "command"

#: What --stop-on and --stop-signal take for "auto", in the place of a signal: what the programs want, by delivery/programs.py.
BY_PROGRAM = 0

#: Signals other than SIGTERM and SIGINT by which some program of delivery/programs.py finishes its work.
MAY_ASK_FOR_STOP: frozenset[int] = frozenset({signal.SIGQUIT, signal.SIGUSR1, signal.SIGWINCH})

#: --subreaper: whether orphans come to us where we are not PID 1.
AUTO = "auto"
YES = "yes"
NO = "no"

#: --unready-at: when readiness falls.
AT_REQUEST = "request"
AT_SIGNAL = "signal"

#: --ready: the one that is no target of a probe.
NOTIFY = "notify"

#: --stop-timeout: this part of it is left for finishing (a third), where --grace-period does not say how much that takes.
TO_FINISH = 3

#: Seconds that the stop signal waits at most, after the delay, for the accept queues to be empty.
QUEUES_MAY_TAKE = 1.0

#: --termination-log: where Kubernetes looks, in containers that it has started.
TERMINATION_LOG = "/dev/termination-log"

#: The names under which we are other programs, see drop_in.py.
DROP_IN = ("tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init")

#: What the names begin with under which we are an OCI runtime, see runtime/command.py.
RUNTIME = "pyinit-runtime"

#: With one of these in front we are no init but a tool in a container that has one: for `docker exec`, for HEALTHCHECK.
TOOLS = ("--probe", "--status", "--install")

#: The address that our own probes of loopback addresses come from, by which traffic is told from them.
OWN_SOURCE = "127.112.121.110"


class Config(Record):
    """One field per option of options.OPTIONS, under its name; and what was found out where an option leaves it open.

    Times in seconds, signals and statuses as numbers, ports as ranges with both ends.

    Built by options.parse() alone.
    """

    forward: str
    stop_on: frozenset[int]  # BY_PROGRAM among them: and what the programs that are here take for a stop request
    stop_signal: int | None  # None: the one that was received
    rewrite: dict[int, int]
    pre_stop_delay: float | None  # None: auto
    pre_stop_min: float
    pre_stop_max: float
    pre_stop_quiet: float
    ports: tuple[tuple[int, int], ...]
    ignore_ports: tuple[tuple[int, int], ...]
    pre_stop: str | None
    pre_stop_until: bool
    pre_stop_timeout: float
    stop_timeout: float | None  # None: not given, or there is none
    grace_period: float | None
    settle: float
    sweep_timeout: float
    ready: tuple[str, ...]  # targets of probes, or NOTIFY; all are good ones
    ready_interval: float
    ready_timeout: float
    start_timeout: float | None
    health_listen: tuple[str, int] | None  # an address, "" for all, and a port
    unready_at: str  # AT_REQUEST or AT_SIGNAL, once options.parse() has looked where we are
    map_status: dict[int, int]
    expand_env: bool
    subreaper: str
    parent_death_signal: int | None
    log_level: str
    log_format: str
    termination_log: str | None
    assumed: tuple[float, str] | None = None  # no option: the time that a delay must fit into, of platforms.assumed()

    @property
    def longest_delay(self) -> float:
        """Seconds that a delay of `auto` lasts at most: the orchestrator's time must do for finishing as well."""
        return min(self.pre_stop_max, self.time_for_delay)

    @property
    def time_for_delay(self) -> float:
        """Seconds that the orchestrator's time leaves for a delay, as it is known or assumed; or else infinite."""
        timeout, grace = self.stop_timeout, self.grace_period
        if timeout is None:
            if self.assumed is None:
                return float("inf")
            timeout, _ = self.assumed
            if grace is not None and grace + QUEUES_MAY_TAKE >= timeout:
                grace = None  # who sets that has more time; as long as nobody says how much, some must be left in any case
        finishing = timeout / TO_FINISH if grace is None else grace
        return max(0.0, timeout - finishing - QUEUES_MAY_TAKE)

    @property
    def limit_of_delay(self) -> str:
        """What makes longest_delay so long, for people: an option, or what is assumed and the option to say otherwise."""
        if self.longest_delay < self.pre_stop_max:
            return "--stop-timeout" if self.stop_timeout is not None or self.assumed is None else self.assumption
        return "--pre-stop-max"

    @property
    def assumption(self) -> str:
        """What time is assumed, and the option to say otherwise, for people; or ""."""
        return "" if self.assumed is None or self.stop_timeout is not None else f"{self.assumed[1]}: --stop-timeout"

    @property
    def usual_stop_signal(self) -> int:
        """What the command gets for the stop request that is to be expected: SIGTERM, or else the first that is one."""
        for signum in (int(signal.SIGTERM), *sorted(self.stop_on)):
            target = self.rewrite.get(signum, signum)
            if signum in self.stop_on and signum != BY_PROGRAM and target:
                return self.stop_signal or target
        return self.stop_signal or int(signal.SIGTERM)

    def watches(self, port: int) -> bool:
        """Whether connections to this port count as traffic, as far as the options go."""
        named = not self.ports or any(low <= port <= high for low, high in self.ports)
        return named and not self.ignores(port)

    def ignores(self, port: int) -> bool:
        """Whether nobody cares for connections to this port: an ignored one, or that of our own health helper."""
        own = self.health_listen is not None and port == self.health_listen[1]
        return own or any(low <= port <= high for low, high in self.ignore_ports)


class UsageError(Exception):
    """What the user wrote cannot be understood; the message is one line for them."""


class Asked(Exception):
    """The user asked for something to read, not for a command to run: one of those that help.answer() knows."""
