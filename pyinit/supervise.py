"""The loop of PID 1: wait, decide (lifecycle), carry out, and nothing else.

From here on PID 1 may not fail: its end is everybody's end. What nobody foresaw is met at the boundary in run().
"""

from pyinit import delivery, last_resort, processes, signals, spawn, system, words
from pyinit.config import COMMAND, TERMINATION_LOG
from pyinit.delivery import IN_GROUP, LEFT
from pyinit.lifecycle import Deliver, Exit, KillAll, KillPreStop, Lifecycle, RunPreStop, Say, Watch
from pyinit.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.config import Config
    from pyinit.delivery import Plan, Request
    from pyinit.lifecycle import Action
    from pyinit.log import Log
    from pyinit.processes import Process

#: Seconds between two looks at a process that cannot be watched (a kernel before 5.3, a Python without ctypes).
LOOK_AGAIN = 0.25

#: How many processes a log line names.
NAMED = 8


class Supervisor:
    """What the loop works with: the command, the options, the log, and where the container stands in its life."""

    def __init__(
        self, command: int, config: "Config", log: "Log", environment: dict[bytes, bytes], mask: frozenset[int], terminal: str
    ) -> None:
        self.command = command
        self.config = config
        self.log = log
        self.environment = environment
        self.mask = mask
        self.terminal = terminal
        self.own_pid = system.getpid()
        self.lifecycle = Lifecycle(config, command, system.monotonic())
        self.watched: int | None = None
        self.watch: system.ExitWatch | None = None
        self.unfinished = 0  # a signal that was taken and is not dealt with yet

    def loop(self) -> int:
        """Run until it is time to leave; return the exit status."""
        received: system.Received | None = system.Received(signal.SIGCHLD, 0, 0)  # there may be inherited zombies
        while True:
            now = system.monotonic()
            gone = self.watched_and_gone()
            actions = [] if gone is None else self.lifecycle.on_gone(gone, now)
            if received is None:
                actions += self.lifecycle.on_timeout(now)
            elif received.signum != signal.SIGCHLD and received.sender_pid != self.own_pid:
                self.unfinished = received.signum
                if received.signum == signal.SIGCONT:
                    self.take_up_terminal()
                actions += self.lifecycle.on_signal(received, now)
            exits, none_left = self.reap()
            actions += self.lifecycle.on_children(exits, none_left, now)
            for action in actions:
                match action:
                    case Deliver(request):
                        actions += self.deliver(request)
                    case Watch(pid):
                        self.watch_exit_of(pid)
                    case RunPreStop(signum):
                        actions += self.lifecycle.on_pre_stop_started(self.run_pre_stop(signum), now)
                    case KillPreStop(pid):
                        system.send(-pid, signal.SIGKILL)
                    case KillAll():
                        self.kill_all()
                    case Say(level, event, message, fields):
                        self.log.say(level, event, message, **fields)
                    case Exit(status, summary):
                        self.write_termination_log(summary)
                        return status
            if self.unfinished in signals.SUSPENDS:
                self.suspend()
            self.unfinished = 0
            received = self.wait()

    # --- waiting ---

    def wait(self) -> system.Received | None:
        """Sleep until a signal arrives, the deadline comes (None), or the watched process exits (None)."""
        deadline = self.lifecycle.deadline
        seconds = None if deadline is None else max(0.0, deadline - system.monotonic())
        if self.watch is not None:
            return None if self.watch.wait(seconds) else system.wait_signal(0)
        if self.watched is not None:
            seconds = LOOK_AGAIN if seconds is None else min(seconds, LOOK_AGAIN)
        return system.wait_signal(seconds)

    def watch_exit_of(self, pid: int) -> None:
        """Ask to be woken when a process exits that may not be our child."""
        if self.watch is not None:
            self.watch.close()
        self.watched, self.watch = pid, None
        try:
            self.watch = system.ExitWatch(pid)
        except (OSError, ImportError, AttributeError, MemoryError) as error:
            # It is gone already, which watched_and_gone() will find; or there is no pidfd_open() here (ENOSYS).
            self.log.say("debug", "no_watch", f"cannot watch {pid}, looking at it now and then: {error!r}")

    def watched_and_gone(self) -> int | None:
        """The watched process if it has exited; then it is watched no longer."""
        if self.watched is None or processes.is_alive(self.watched):
            return None
        if self.watch is not None:
            self.watch.close()
        gone, self.watched, self.watch = self.watched, None, None
        return gone

    def reap(self) -> tuple[list[system.Reaped], bool]:
        """Reap all that have exited; also tell whether no child is left. A child that stopped on a terminal stops us."""
        exits = []
        try:
            for child in system.reap(self.terminal != spawn.NONE):
                if not child.stopped_by:
                    exits.append(child)
                elif child.pid == self.command:
                    self.on_command_stopped(child.stopped_by)
        except ChildProcessError:
            return exits, True
        return exits, False

    # --- delivering ---

    def deliver(self, request: "Request") -> "list[Action]":
        """Signal whom delivery.plan() names; where /proc does not tell, everybody."""
        table = processes.snapshot(self.command if self.lifecycle.status is None else None)
        if table is None:
            self.deliver_blindly(request)
            return self.lifecycle.on_delivered(request, delivery.Plan({}), system.monotonic())
        plan = delivery.plan(request, table, self.config.forward, self.command, self.own_pid, processes.is_shell)
        if plan.whole_group:
            system.send(-self.command, request.signum)
        else:
            for pid, signum in plan.now.items():
                system.send(pid, signum)
        for pid in plan.resume:
            system.send(pid, signal.SIGCONT)
        self.tell_of(request, plan, table)
        return self.lifecycle.on_delivered(request, plan, system.monotonic())

    def deliver_blindly(self, request: "Request") -> None:
        """Signal the whole group, or in the sweep everybody: what is left to do where /proc does not tell."""
        target = -self.command
        if request.scope == LEFT and self.own_pid == 1:
            target = -1
        elif request.scope == IN_GROUP and self.config.forward == COMMAND:
            target = self.command
        system.send(target, request.signum)
        if request.is_stop:
            system.send(target, signal.SIGCONT)
            name = signals.name(request.signum)
            self.log.say("info", "signalled", f"{name} to everybody at once, for /proc does not tell who handles it", signal=name)

    def tell_of(self, request: "Request", plan: "Plan", table: "dict[int, Process]") -> None:
        """Log who was signalled, who is held back and why."""
        if not plan.now and request.scope == LEFT and not plan.held:
            return

        def named(pids: list[int] | tuple[int, ...]) -> str:
            names = [f"{pid} ({table[pid].name})" for pid in pids[:NAMED]]
            return ", ".join(names) + (f" and {len(pids) - NAMED} more" if len(pids) > NAMED else "")

        name = signals.name(request.signum)
        parts = [f"{name} to {named(sorted(plan.now))}" if plan.now else f"{name} to nobody"]
        if plan.held:
            parts.append(f"held back: {named(plan.held)}, until {named(sorted(plan.working))} has gone")
        if plan.deaf:
            parts.append(f"ignored by {named(plan.deaf)}")
        self.log.say(
            "info" if request.is_stop else "debug",
            "signalled" if request.is_stop else "forwarded",
            "; ".join(parts),
            signal=name,
            pids=sorted(plan.now),
            held=list(plan.held),
            ignored_by=list(plan.deaf),
        )

    def kill_all(self) -> None:
        """SIGKILL everybody below us; as PID 1 everybody but us."""
        if self.own_pid == 1:
            system.send(-1, signal.SIGKILL)
            return
        system.send(-self.command, signal.SIGKILL)
        for process in delivery.members(processes.snapshot(None) or {}, LEFT, self.command, self.own_pid):
            system.send(process.pid, signal.SIGKILL)

    def run_pre_stop(self, signum: int) -> int | None:
        """Start the pre-stop command; None, and a warning, where it cannot be started."""
        told = {b"PYINIT_SIGNAL": signals.name(signum).encode(), b"PYINIT_COMMAND_PID": str(self.command).encode()}
        environment = {**self.environment, **told}
        try:
            arguments = words.as_shell(self.config.pre_stop or "", (), environment)
            return spawn.spawn(arguments, environment, self.mask)
        except spawn.SpawnError as error:
            self.log.say("warning", "pre_stop_failed", f"the pre-stop command is skipped: {error}")
            return None

    # --- the terminal, and job control where we are a job of somebody's shell ---

    def on_command_stopped(self, signum: int) -> None:
        """The command was stopped, by Ctrl-Z for one: stop together with it, as one job."""
        if self.own_pid != 1:
            system.give_terminal(system.getpgrp())
            self.suspend()
        elif signum == signal.SIGTSTP:
            system.send(-self.command, signal.SIGCONT)  # no shell is there that could resume it

    def suspend(self) -> None:
        """Stop until somebody resumes us, then resume the command. PID 1 cannot be stopped from inside."""
        if self.own_pid != 1:
            system.suspend_self()
            self.take_up_terminal()
            system.send(-self.command, signal.SIGCONT)

    def take_up_terminal(self) -> None:
        """Pass the foreground on to the command, if it is ours again."""
        if self.terminal != spawn.NONE and system.owns_terminal():
            system.give_terminal(self.command)

    def write_termination_log(self, summary: str) -> None:
        """Add the summary to the termination log."""
        path = self.config.termination_log
        if path is not None:
            line = f"pyinit: {summary}"[:2000].encode("utf-8", "replace") + b"\n"
            try:
                system.append_line(path, line, create=path != TERMINATION_LOG)
            except OSError as error:
                if path != TERMINATION_LOG:
                    self.log.say("warning", "termination_log", f"--termination-log: {path}: {error.strerror}")


def run(supervisor: Supervisor) -> int:
    """Supervise until the end, whatever happens; return the exit status."""
    try:
        return supervisor.loop()
    except BaseException as error:
        last_resort.tell(error, supervisor.log)
        return last_resort.loop(supervisor.command, supervisor.lifecycle.status, supervisor.unfinished)
    finally:
        if supervisor.terminal != spawn.NONE and supervisor.own_pid != 1:
            system.give_terminal(system.getpgrp())  # a script that called us goes on reading from it
