"""Config: what the options said, checked and frozen; and what is raised where they say nothing of use."""

from pyinit.record import Record

#: --forward: who gets a signal. See delivery.py.
GROUP = "group"
TOPMOST = "topmost"
COMMAND = "command"

#: --subreaper: whether orphans come to us where we are not PID 1.
AUTO = "auto"
YES = "yes"
NO = "no"

#: --termination-log: where Kubernetes looks, in containers that it has started.
TERMINATION_LOG = "/dev/termination-log"


class Config(Record):
    """One field per option of options.OPTIONS, under its name. Times in seconds, signals and statuses as numbers.

    Built by options.parse() alone.
    """

    forward: str
    stop_on: frozenset[int]
    stop_signal: int | None
    rewrite: dict[int, int]
    pre_stop_delay: float
    pre_stop: str | None
    pre_stop_timeout: float
    grace_period: float | None
    settle: float
    sweep_timeout: float
    map_status: dict[int, int]
    expand_env: bool
    subreaper: str
    parent_death_signal: int | None
    log_level: str
    log_format: str
    termination_log: str | None


class UsageError(Exception):
    """What the user wrote cannot be understood; the message is one line for them."""


class Asked(Exception):
    """The user asked for something to read, not for a command to run: "--help" or "--version"."""
