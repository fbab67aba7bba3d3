"""PURE. Which processes get a signal now, and which later: from the top down, as if every wrapper had used exec.

Everything that decides who is signalled must live in this folder. It works on values (processes.Process) and on what a closer
look at single processes tells (processes.Look), not on /proc.

The rules, from the command down:

* Who handles the signal gets it, once. What is below it is its own business, and belongs to it for as long as it lives.
* Who would merely die of it is a wrapper, or a worker without a handler: it is held back while somebody works, and gets the
  signal when they have gone and it has not ended by itself. Likewise the wrappers that programs.py names, whatever they handle.
* Who ignores it gets nothing: the kernel would drop it.
* A shell with a trap gets it. If it waits for a foreground job, that job is told as well, for the trap runs only after it
  (POSIX, "Shell Command Language", 2.12); background jobs belong to the trap. That a shell catches what it has no trap for
  does not count.
* Who is on the way to something else is looked at again: a shell that is awake, and a child that has still to execute its
  program. That has its parent's handlers, and forgets what they take.
* In a script, what was put in the background is told when the foreground has gone; if nobody handles it there, at once.
* Who reads the output of one who works is held back until that one has gone. In the sweep who reads a pipe may read to its end.
* If nobody handles it, everybody gets it, at once.

At first the process group is meant, and what its wrappers have put into other groups; in the sweep all that is left.

A round ends when all who work have gone. The next one looks again. Only those of the first round hold others up then, so the
rounds come to an end whatever is started meanwhile, with one exception: what the last lines of a script start (an upload, a
deregistration) may finish. That is a program which was not there before; the one that a loop starts again was.

It is linear in the number of processes: each is visited once on the way down and once on the way up.
"""

from pyinit.delivery import (
    BELONGS,
    DEAF,
    DENIED,
    DRAINS,
    FINISHES,
    HELD,
    IN_GROUP,
    LEFT,
    LEFT_TO,
    LOOKS,
    MAY_FINISH,
    READS,
    TOLD,
    UNSURE,
    WAITS,
    Plan,
    Request,
    programs,
)
from pyinit.kernel import signals
from pyinit.kernel.processes import BASIC, below, children_of
from pyinit.kernel.signals import CONTINUES, IGNORED_BY_DEFAULT, SUSPENDS, signal
from pyinit.record import Record
from pyinit.settings.config import COMMAND, GROUP, HANDLERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pyinit.kernel.processes import Look, Process

TERM, INT = int(signal.SIGTERM), int(signal.SIGINT)

# What a process turns out to be, on the way down.
WRAPPER = "wrapper"  # not told while somebody works; what is below it counts
HANDLER = "handler"  # told; what is below it belongs to it
BUSY = "busy"  # told, a shell with a trap and a foreground job, which counts
CATCHES_ALL = "catches all"  # bash with an EXIT trap: a wrapper, or a handler where nobody below it is one
OLD = "told before"  # and still there
NEW = "newcomer"  # started since the first round; may finish
AGAIN = "started again"  # started since the first round, by a loop: told, and holds nobody up
BLURRED = "blurred"  # every signal blocked, perhaps for a moment

#: bash with an EXIT trap (and ksh93) catches these, among others, though it has no trap for any of them; but for those that it
#: was started with ignored, as by nohup: these it leaves alone.
CAUGHT_FOR_EXIT = sum(1 << signum - 1 for signum in (signal.SIGHUP, signal.SIGUSR2, signal.SIGALRM, signal.SIGXCPU))

#: Shells that catch SIGHUP, SIGINT, SIGQUIT, SIGTERM and more without a trap: the family of pdksh.
CATCH_WITHOUT_TRAP = ("mksh", "mksh-static", "lksh", "posh", "pdksh", "oksh", "loksh")

#: Shells that sleep in sigsuspend() in `wait`, and there alone. (zsh, yash and mksh do so in the foreground too.)
SUSPENDED_IN_WAIT = ("sh", "ash", "dash", "busybox")

#: So many processes can be looked at several times each.
FEW = 100

#: The highest signal that the kernel merges with its like (signal(7)).
LAST_STANDARD = 31

#: Of kernel functions in which a process may sleep for long, and not on the way from one thing to the next (/proc/PID/wchan).
LONG_SLEEPS = ("nanosleep", "poll", "read", "inotify", "futex", "suspend", "pause", "accept", "recv", "select")

#: What a script's background job ignores (POSIX, 2.11).
IN_BACKGROUND = 1 << signal.SIGINT - 1 | 1 << signal.SIGQUIT - 1


class Place(Record):
    """Where we stand: our own PID, the command's, which is its group too; `forward` is as in Config."""

    own_pid: int
    command: int
    forward: str = GROUP


def is_deaf(process: "Process", signum: int) -> bool:
    """Whether a process would do nothing about a signal: it ignores it, or leaves it at a default that does nothing."""
    handles = process.catches(signum) or process.blocks(signum)
    return process.ignores(signum) or (signum in IGNORED_BY_DEFAULT and not handles)


def forwarding(signum: int, processes: "Mapping[int, Process]", look: "Look", place: Place) -> Plan:
    """The plan for a signal that may be a stop request, if it is none."""
    return Walk(Request(signum, IN_GROUP, False), processes, look, place).plan()


def plan(
    request: Request, processes: "Mapping[int, Process]", look: "Look", place: Place, forwarded: Plan | None = None
) -> Plan:
    """Decide who gets a request now. `forwarded` is what forwarding() has made of the same signal, if it was asked."""
    in_group = [process for process in processes.values() if process.group == place.command and process.pid != place.own_pid]
    if request.signum in SUSPENDS:
        return Plan({process.pid: _suspending(process, request.signum, place.command) for process in in_group}, request)
    if request.signum in (CONTINUES, signal.SIGKILL) or (request.signum in IGNORED_BY_DEFAULT and not request.is_stop):
        return Plan({process.pid: request.signum for process in in_group}, request, whole_group=True)
    walk = Walk(request, processes, look, place)
    if place.forward == COMMAND and request.scope == IN_GROUP:
        return walk.of_command()
    is_the_same = forwarded is not None and request == Request(request.signum, IN_GROUP, False)
    return forwarded if forwarded is not None and is_the_same else walk.plan()


def is_plain_handler(request: Request, process: "Process", look: "Look") -> bool:
    """Whether a process that catches the signal gets it by any rule, as it is: no shell, no wrapper, no special program."""
    if look.is_shell(process.pid, process.name) or process.blocked & BASIC == BASIC:
        return False
    program = programs.find(process.name, look.words(process.pid))
    if program is None:
        return True
    is_as_asked = not (request.is_stop and request.by_program) or program.finishes_at(request.signum)
    return program.what != programs.HELD_BACK and is_as_asked


def takes_as_it_is(process: "Process", signum: int, look: "Look") -> bool:
    """Whether a process handles a signal by which only well-known programs stop, and is none of them."""
    if not process.catches(signum) or process.blocked & BASIC == BASIC or look.is_shell(process.pid, process.name):
        return False
    return programs.find(process.name, look.words(process.pid)) is None


def asks_for_stop(
    found: Plan, signum: int, processes: "Mapping[int, Process]", look: "Look", command: int, *, is_first: bool
) -> bool:
    """Whether a signal that asks some program to stop asks those who are here; `is_first`: no stop goes on already.

    `found` is what forwarding() has made of it. It does where it is the graceful signal of one that would be told. Where
    another one handles it, it means something else (a dump, a reload). Where nobody handles it, it would end them anyway, and
    that is better done in good order; but not where the command ignores it, and others die of it: the command means to live on.
    (A shell ignores SIGQUIT always.)
    """
    told = found.now
    handlers = [pid for pid in told if processes[pid].catches(signum) or processes[pid].blocks(signum)]
    called = {(processes[pid].name, look.words(pid)) for pid in handlers}
    known = [program for name, words in called if (program := programs.find(name, words))]
    is_graceful = any(program.finishes_at(signum) for program in known)
    lives_on = bool(told) and command in found.deaf and signum != signal.SIGQUIT
    is_deadly = signum not in IGNORED_BY_DEFAULT and not handlers and not found.unsure and not lives_on
    return is_graceful or (is_first and is_deadly)


class Walk:
    """One look at all processes, from the top down, for one request."""

    def __init__(self, request: Request, processes: "Mapping[int, Process]", look: "Look", place: Place) -> None:
        self.request = request
        self.processes = processes
        self.look = look
        self.place = place
        # The signals that may be sent: that of the request, and SIGTERM for a stop that somebody does not hear.
        self.choices = (request.signum, TERM) if request.is_stop and request.signum != TERM else (request.signum,)
        self.children = children_of(processes)
        self.programs: dict[tuple[str, tuple[str, ...]], programs.Program | None] = {}  # by name and words: many are alike
        self.kinds: dict[int, str] = {}  # of those that were visited, in the order of the way down
        self.signums: dict[int, int] = {}  # what each would get
        self.reasons: dict[int, str] = {}
        self.images: set[int] | None = None  # of those who were told before, once somebody asks
        self.jobs: dict[int, tuple[list[int], list[int]]] = {}  # foreground and background, of whoever is open
        self.first: dict[int, int] = {}  # who holds others up, below or at each that was visited; 0: nobody
        self.beyond: list[int] = []  # background jobs that have left the group
        self.spawning: set[int] = set()  # who spawned somebody at each closer look, so that its mask tells nothing
        self.readers: dict[int, int] = {}  # who reads the output of whom
        self.now: dict[int, int] = {}
        self.mortals: list[int] = []  # who would die of it, and is in reach
        self.fates: dict[int, tuple[str, int]] = {}
        self.is_deep = request.is_last_call or place.forward == HANDLERS  # handlers below handlers are told as well

    # --- what is in reach ---

    def roots(self) -> tuple[list[int], list[int]]:
        """Where the walk begins: those who are told first, and those who come after them."""
        own, command = self.place.own_pid, self.place.command
        if self.request.scope == LEFT or self.request.is_last_call:
            spared = self.request.spared
            return [pid for pid in self.children.get(own, ()) if self.processes[pid].group != spared], []
        orphans = [pid for pid in self.children.get(own, ()) if self.processes[pid].group == command and pid != command]
        return ([command] if command in self.processes else []), orphans

    def plan(self) -> Plan:
        """The whole plan."""
        foreground, background = self.roots()
        self.go_down([*foreground, *background])
        self.go_up()
        self.find_readers()
        self.choose(foreground, background)
        if self.readers and not any(self.acts(pid) for pid in self.fates):
            # Each is held back for another, through those above them: somebody has to begin.
            self.readers, self.fates, self.mortals = {}, {}, []
            self.go_up()
            self.choose(foreground, background)
        return self.conclude()

    def of_command(self) -> Plan:
        """The plan where the command alone is meant, whatever it is."""
        process = self.processes.get(self.place.command)
        if process is None or self.was_told(process):
            return Plan({}, self.next())
        self.settle_signal(process, is_wrapper=False)
        if not self.signums[process.pid]:
            return Plan({}, self.next(), deaf=(process.pid,), fates={process.pid: (DEAF, 0)})
        self.now[process.pid] = self.signums[process.pid]
        resume = (process.pid,) if process.is_stopped and self.request.is_stop else ()
        self.fates[process.pid] = (TOLD, 0)
        return Plan(self.now, self.next(), resume=resume, fates=self.fates, reasons=self.reasons)

    # --- the way down: what each is ---

    def go_down(self, pids: list[int]) -> None:
        """Visit all who are in reach, parents before their children."""
        waiting = pids[::-1]
        while waiting:
            pid = waiting.pop()
            if pid in self.kinds:
                continue  # a loop of parents
            process = self.processes[pid]
            kind = self.kinds[pid] = self.kind_of(process)
            if kind == WRAPPER and pid not in self.children:
                continue  # one of thousands, as a rule
            if kind in (WRAPPER, BUSY, CATCHES_ALL) or (self.is_deep and kind in (HANDLER, OLD)):
                foreground, background = self.jobs_of(process)
                if self.request.scope == IN_GROUP and not self.request.is_last_call:
                    # One that a script has put in the background and that has left the group comes after all others.
                    has_left = {child for child in background if not self.stays_in_reach(child, process)}
                    self.beyond += has_left
                    background = [child for child in background if child not in has_left]
                    if self.is_deep:
                        foreground = [child for child in foreground if self.stays_in_reach(child, process)]
                    if self.is_deep and kind in (HANDLER, OLD):
                        foreground = [child for child in foreground if self.processes[child].group == self.place.command]
                self.jobs[pid] = (foreground, background)
                waiting += (background + foreground)[::-1]

    def stays_in_reach(self, pid: int, parent: "Process") -> bool:
        """Whether a background job is addressed with the group: it has not left that of its shell, or may be none."""
        child = self.processes[pid]
        has_left = child.group not in (self.place.command, parent.group)
        return not (has_left and child.ignored & ~parent.ignored & 1 << INT - 1)

    def kind_of(self, process: "Process") -> str:
        """What a process is for this request."""
        if process.pid in self.request.denied:
            self.signums[process.pid] = 0
            return WRAPPER
        if self.was_told(process):
            return self.kind_of_told(process)
        if self.has_moment(process):
            return BLURRED
        is_shell = self.looks_like_shell(process)
        kind = self.kind_of_shell(process) if is_shell else self.kind_of_other(process)
        if self.is_since(process):
            return self.kind_of_newcomer(process, kind, is_shell)
        return kind

    def looks_like_shell(self, process: "Process") -> bool:
        """Whether a process is a shell. A process without children that has no handler need not be looked at."""
        matters = process.caught or process.pid in self.children
        return bool(matters) and self.is_shell(process)

    def was_told(self, process: "Process") -> bool:
        """Whether it has heard of this request: from us, or from the one that it belonged to and whom it has outlived."""
        told = self.request.told.get(process.pid)
        if told is not None and told[0] == process.started:
            # Another program has taken its place since: if that handles the signal it has not heard of it.
            return told[1] == process.image or not self.hears(process)
        # Of one that was left to another it is so no longer: between fork and exec a shell's child has the shell's handlers.
        return self.request.heard.get(process.pid) == (process.started, process.image) and not self.hears(process)

    def kind_of_told(self, process: "Process") -> str:
        """One who was told and is still there. A shell may be waiting for a foreground job of the first round."""
        if process.pid in self.children and self.is_shell(process):
            foreground, _ = self.jobs_of(process)
            if any(not self.is_since(self.processes[child]) for child in foreground):
                self.signums[process.pid] = self.request.signum
                return BUSY
        return OLD

    def has_moment(self, process: "Process") -> bool:
        """Whether it is in a moment that passes, so that what it would do about a signal is not to be seen yet.

        One that sleeps with every signal blocked waits for them, by a signalfd. Whoever spawns is in an uninterruptible sleep,
        and its child runs. The child of a shell that shares its image is that shell still. A shell that does not sleep may be
        about to start somebody, who is to be told with it or in its place; and a child that its trap tells must hear it.
        """
        if not self.may_look_again():
            return False
        if process.blocked & BASIC == BASIC:
            return not process.is_asleep
        has_time = self.request.is_stop and not self.request.is_last_call
        if has_time and (self.is_copy(process) or self.starts_somebody(process)):
            return True
        if not process.caught:
            return False
        parent = self.processes.get(process.parent)
        if parent is None or process.image != parent.image or not process.image or process.caught != parent.caught:
            return False
        return any(process.catches(one) for one in self.choices if one != INT) and self.looks_like_shell(process)

    def starts_somebody(self, process: "Process") -> bool:
        """Whether a shell may be about to start somebody, or has a child that has still to become what it is to be."""
        children = self.children.get(process.pid, ())
        may_start = not process.is_asleep or any(self.is_copy(self.processes[child]) for child in children)
        return may_start and self.is_shell(process)

    def is_copy(self, process: "Process") -> bool:
        """Whether a process may be a copy of another one that has still to execute its own program.

        A signal that it handles it forgets: the handler is its parent's. Where that has gone, nothing tells whose it is.
        """
        if process.is_asleep or process.pid == self.place.command:
            return False
        parent = self.processes.get(process.parent)
        if parent is None or parent.pid == self.place.own_pid:
            return self.hears(process)
        return (process.image, process.name) == (parent.image, parent.name)

    def hears(self, process: "Process") -> bool:
        """Whether a process has a handler for the signal, or at a stop for SIGTERM, and be it a shell that has no trap."""
        return any(process.catches(one) or process.blocks(one) for one in self.choices)

    def kind_of_shell(self, process: "Process") -> str:
        """A shell works by its traps alone. That it has signals blocked never counts."""
        for signum in self.choices:
            if not process.catches(signum):
                continue
            catches_all = (process.caught | process.ignored) & CAUGHT_FOR_EXIT == CAUGHT_FOR_EXIT
            is_doubtful = catches_all or signum == INT or self.look.shell(process.pid) in CATCH_WITHOUT_TRAP
            if not is_doubtful or self.sets_trap(process.pid, signum):
                self.signums[process.pid] = signum
                return BUSY if self.jobs_of(process)[0] else HANDLER
            if catches_all and self.request.is_stop and not self.jobs_of(process)[0]:
                self.signums[process.pid] = signum
                return CATCHES_ALL
        self.settle_signal(process, is_wrapper=True)
        return WRAPPER

    def sets_trap(self, pid: int, signum: int) -> bool:
        """Whether the text of a shell's script has a trap for a signal."""
        from pyinit.delivery import traps

        return traps.traps(self.look.script(pid), signum)

    def kind_of_other(self, process: "Process") -> str:
        """One that is no shell."""
        program = self.program(process)
        is_wrapper = program is not None and program.what == programs.HELD_BACK and process.pid in self.children
        if self.settle_signal(process, is_wrapper):
            return HANDLER
        return BLURRED if process.pid in self.spawning and self.may_look_again() else WRAPPER

    def may_look_again(self) -> bool:
        """Whether another look may tell more, and does no harm: it would merge real-time signals, of which each counts."""
        request = self.request
        return request.looks < LOOKS and request.waits < WAITS and request.signum <= LAST_STANDARD

    def program(self, process: "Process") -> "programs.Program | None":
        """The row of programs.py; none is looked for where there is neither a handler nor a child."""
        if not (process.caught or process.blocked or process.pid in self.children):
            return None
        called = (process.name, self.look.words(process.pid))
        if called not in self.programs:
            self.programs[called] = programs.find(*called)
        return self.programs[called]

    def settle_signal(self, process: "Process", is_wrapper: bool) -> bool:
        """Find the signal that a process is to get, 0 if it is deaf; return whether it handles it."""
        pid, signum = process.pid, self.request.signum
        if not is_wrapper:
            has_any = process.caught or process.blocked
            visible = next((one for one in self.choices if self.handles(process, one)), 0) if has_any else 0
            found = self.graceful(process) or visible or (signum if self.waits_for_signals(process) else 0)
            if found:
                self.signums[pid] = found
                if found != signum and pid not in self.reasons:
                    self.reasons[pid] = f"for it does not handle {signals.name(signum)}"
                return True
        self.signums[pid] = next((one for one in self.choices if self.dies_of(process, one)), 0)
        return False

    def handles(self, process: "Process", signum: int) -> bool:
        """Whether a process that is no shell is seen to take a signal itself: by a handler, or blocked, for a signalfd."""
        if process.catches(signum):
            return True
        return process.blocks(signum) and (process.blocked & BASIC != BASIC or process.state != "D")  # D: it spawns somebody

    def waits_for_signals(self, process: "Process") -> bool:
        """Whether a process sleeps in sigwait(), as tini does and pyinit itself, and so may take any signal.

        Meanwhile the kernel takes the signals that it waits for out of its mask (do_sigtimedwait() in kernel/signal.c), so that
        neither SigBlk nor SigCgt shows them.
        """
        if process.ignores(self.request.signum):
            return False
        sleeps_in = self.look.sleeps_in(process.pid)
        if "sigtimedwait" in sleeps_in:
            return True
        # It may have left sigwait() since its masks were read, to run or to wait for a child: then they show it now.
        # Of many it is asked only of those who do not sleep for long.
        has_moved = len(self.processes) <= FEW or not any(word in sleeps_in for word in LONG_SLEEPS)
        if not has_moved:
            return False
        found = [self.look.blocks(process.pid, one) for one in self.choices]
        if None in found:
            self.spawning.add(process.pid)
        return any(found)

    def dies_of(self, process: "Process", signum: int) -> bool:
        """Whether a signal ends a process that does not handle it."""
        return not process.ignores(signum) and signum not in IGNORED_BY_DEFAULT

    def graceful(self, process: "Process") -> int:
        """The signal by which a well-known program finishes its work, if it handles that; 0 for all others."""
        if not (self.request.is_stop and self.request.by_program):
            return 0
        program = self.program(process)
        if program is None:
            return 0
        signum = self.request.signum
        wanted = signum if program.finishes_at(signum) else signals.number(program.graceful[0])
        if not process.catches(wanted):
            return 0
        if wanted != signum:
            self.reasons[process.pid] = f"which is how {program.names[0]} finishes its work"
        return wanted

    def is_since(self, process: "Process") -> bool:
        """Whether it was started since the first round."""
        return self.request.seen is not None and self.request.seen.get(process.pid) != process.started

    def kind_of_newcomer(self, process: "Process", kind: str, is_shell: bool) -> str:
        """One that was started since: by the last lines of a script, or by a loop once more."""
        if is_shell and kind == WRAPPER and process.pid in self.children:
            return WRAPPER  # what is below it tells
        words = self.look.words(process.pid)
        if words in self.request.usual:
            return AGAIN if kind == HANDLER else WRAPPER
        if kind == HANDLER:
            return AGAIN if self.request.has_waited else NEW
        return WRAPPER if programs.name_of(process.name, words) in programs.ONLY_WAITING else NEW

    # --- jobs ---

    def jobs_of(self, process: "Process") -> tuple[list[int], list[int]]:
        """The children that a process waits for in the foreground, and those in the background.

        A background job of a script ignores SIGINT and SIGQUIT, if its shell does not (POSIX, 2.11). bash and busybox ignore
        SIGQUIT always, and some programs (Node) take both back. Then these tell: dash and busybox sleep in sigsuspend() while
        they wait for background jobs; a background job has a /dev/null of its own for its stdin; one that reads what its shell
        writes is never waited for; and the text of the script.
        """
        if process.pid in self.jobs:
            return self.jobs[process.pid]
        foreground: list[int] = []
        background: list[int] = []
        children = [self.processes[child] for child in self.children.get(process.pid, ())]
        is_shell = bool(children) and self.is_shell(process)
        is_suspended = is_shell and "sigsuspend" in self.look.sleeps_in(process.pid)
        if is_suspended and self.look.shell(process.pid) in SUSPENDED_IN_WAIT:
            background += [child.pid for child in children]
        else:
            has_traps = bool(process.caught & ~(1 << INT - 1 | 1 << signal.SIGCHLD - 1))
            is_matter = is_shell and (
                len(children) > 1 or has_traps or self.request.seen is not None or not self.look.sees_masks
            )
            for child in children:
                is_behind = self.is_behind(child, process)
                if not is_behind and is_matter:
                    stdin = self.look.reads_from(child.pid)
                    is_behind = stdin.startswith("/dev/null") and not self.has_same_stdin(child.pid, process.pid)
                    is_behind |= stdin.startswith("pipe:") and stdin in self.look.writes_to(process.pid)
                    is_behind |= not self.look.sees_masks and self.is_put_behind(child.pid, process.pid)
                (background if is_behind else foreground).append(child.pid)
            if is_matter and foreground and not self.is_subshell(process) and self.is_in_wait(process.pid):
                background += foreground
                foreground = []
            if is_shell and len(foreground) > 1:
                last = self.last_pipeline(process.pid, foreground)
                background += [pid for pid in foreground if pid not in last]
                foreground = [pid for pid in foreground if pid in last]
        if self.is_deep:
            return foreground + background, []  # none comes before another
        return foreground, background

    def has_same_stdin(self, one: int, other: int) -> bool:
        """Whether two read from the same, and not from a /dev/null that each has opened for itself."""
        look = self.look
        return look.reads_from(one) == look.reads_from(other) and look.opened(one) == look.opened(other)

    def is_behind(self, child: "Process", parent: "Process") -> bool:
        """Whether a child ignores what its parent does not, as only a background job does."""
        ignored = child.ignored & ~parent.ignored & IN_BACKGROUND
        if ignored == 1 << signal.SIGQUIT - 1:  # a program with a handler for SIGINT, or a shell
            return child.catches(INT) and not self.is_shell(child) and self.is_shell(parent)
        return bool(ignored)

    def is_shell(self, process: "Process") -> bool:
        """Whether a process is a shell."""
        return self.look.is_shell(process.pid, process.name)

    def is_subshell(self, process: "Process") -> bool:
        """Whether a shell is a subshell, perhaps of one that was told and has gone.

        The text of a script tells where the script is, and not where its subshells are.
        """
        parent = self.processes.get(process.parent)
        if parent is not None and parent.pid != self.place.own_pid:
            return process.image == parent.image != 0
        if self.images is None:
            self.images = {image for _, image in self.request.told.values() if image}
        return process.image in self.images and process.pid not in self.request.told

    def is_in_wait(self, shell: int) -> bool:
        """Whether the text of a shell's script says that it is in `wait`, and so can run a trap at once."""
        from pyinit.delivery import traps

        return traps.is_in_wait(self.look.done(shell))

    def is_put_behind(self, child: int, shell: int) -> bool:
        """Whether the text of a shell's script says that it has put a child into the background."""
        from pyinit.delivery import traps

        return traps.puts_behind(self.look.script(shell), self.look.words(child), self.look.words(shell))

    def last_pipeline(self, shell: int, jobs: list[int]) -> list[int]:
        """Those of a shell's jobs that it can be waiting for: all, if it may be in `wait`, or the pipeline started last."""
        from pyinit.delivery import traps

        text = self.look.script(shell)
        if not text or traps.waits(text):
            return jobs
        found: set[int] = set()
        pipes: dict[int, set[str]] = {}
        at_ends: dict[str, list[int]] = {}  # who is at either end of each pipe
        for pid in jobs:
            ends = (self.look.reads_from(pid), *self.look.writes_to(pid))
            pipes[pid] = {end for end in ends if end.startswith("pipe:")}
            for end in pipes[pid]:
                at_ends.setdefault(end, []).append(pid)
        waiting = [max(jobs, key=lambda pid: (self.processes[pid].started, pid))]
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found.add(pid)
                for end in pipes[pid]:
                    waiting += at_ends.pop(end, ())
        return [pid for pid in jobs if pid in found]

    # --- the way up: who holds others up ---

    def go_up(self) -> None:
        """Find for each that was visited who below it, or it itself, has others held back."""
        for pid in list(self.kinds)[::-1]:
            if pid not in self.kinds:
                continue  # it belongs to one that turned out to be a handler
            kind = self.kinds[pid]
            foreground, background = self.jobs.get(pid, ((), ()))
            inside = next((self.first[child] for child in (*foreground, *background) if self.first.get(child)), 0)
            if kind == CATCHES_ALL:
                kind = self.kinds[pid] = WRAPPER if inside else HANDLER
                if not inside:
                    del self.jobs[pid]
                    self.forget(below([pid], self.children))
            if pid in self.readers:
                self.first[pid] = 0
            elif kind in (HANDLER, OLD, NEW, BLURRED):
                self.first[pid] = pid
            elif kind == BUSY:
                self.first[pid] = next((self.first[child] for child in foreground if self.first.get(child)), 0) or pid
            else:
                self.first[pid] = 0 if kind == AGAIN else inside

    def find_readers(self) -> None:
        """Find who reads the output of one who works: gone before it, the other's last lines would be lost (SIGPIPE)."""
        hearing = [pid for pid, kind in self.kinds.items() if kind in (HANDLER, BUSY)]
        working = [pid for pid in self.kinds if self.first[pid]]
        if not hearing or len(working) < 2 or self.is_deep:  # noqa: PLR2004 - it takes two
            return
        stdins = {pid: self.look.reads_from(pid) for pid in hearing}
        wanted = {stdin for stdin in stdins.values() if stdin.startswith("pipe:")}
        if not wanted:
            return
        writers = self.writers_to(wanted, working)
        place, end = self.spans()
        for pid, stdin in stdins.items():
            # What a script reads from below itself (`while read ...; done < <(app)`) is told together with it.
            outside = (one for one in writers.get(stdin, ()) if not place[pid] <= place[one] <= end[pid])
            writer = next(outside, 0)
            if writer:
                self.readers[pid] = writer
        if all(pid in self.readers for pid, kind in self.kinds.items() if kind not in (WRAPPER, AGAIN)):
            self.readers = {}  # each reads from another: somebody has to begin
        if self.readers:
            self.go_up()

    def writers_to(self, wanted: "Collection[str]", working: "Iterable[int]") -> dict[str, list[int]]:
        """Who of those who work writes to each of these pipes: directly, or through one who would merely die (`| tee |`)."""
        writers: dict[str, list[int]] = {}
        for pid in working:
            for pipe in self.pipes_from(pid):
                writers.setdefault(pipe, []).append(pid)
        if all(pipe in writers for pipe in wanted):
            return writers
        relays: dict[str, list[int]] = {}
        for pid, kind in self.kinds.items():
            if kind == WRAPPER and not self.first[pid]:
                relays.setdefault(self.look.reads_from(pid), []).append(pid)
        waiting = [pipe for pipe in writers if pipe in relays]
        while waiting:
            source = waiting.pop()
            for pid in relays.pop(source, ()):
                for pipe in self.pipes_from(pid):
                    writers.setdefault(pipe, []).extend(writers[source] if pipe != source else ())
                    if pipe in relays:
                        waiting.append(pipe)
        return writers

    def pipes_from(self, pid: int) -> list[str]:
        """The pipes that a process writes to. Who writes to /dev/null is read by nobody, though somebody reads that, too."""
        return [output for output in self.look.writes_to(pid) if output.startswith("pipe:")]

    def spans(self) -> tuple[dict[int, int], dict[int, int]]:
        """The place of each on the way down, and the last place of those below it."""
        place = {pid: number for number, pid in enumerate(self.kinds)}
        end: dict[int, int] = {}
        for pid in reversed(place):
            end[pid] = max(
                (end[child] for jobs in self.jobs.get(pid, ()) for child in jobs if child in end), default=place[pid]
            )
        return place, end

    def forget(self, pids: "Iterable[int]") -> None:
        """They belong to somebody after all."""
        for pid in pids:
            self.kinds.pop(pid, None)

    # --- the choice: who is told now ---

    def choose(self, foreground: list[int], background: list[int]) -> None:
        """From the top down once more: who is in reach now, and who has to wait for whom."""
        waiting = self.behind(foreground, background)
        while waiting:
            pid, until = waiting.pop()
            kind = self.kinds.get(pid)
            if kind is None or pid in self.fates:
                continue
            if until:
                self.fates[pid] = (HELD, until) if kind != WRAPPER or self.signums[pid] else (DEAF, 0)
                waiting += [(child, until) for jobs in self.jobs.get(pid, ()) for child in jobs]
                continue
            if pid in self.readers:
                self.fates[pid] = (READS, self.readers[pid])
                continue
            if kind in (HANDLER, BUSY, AGAIN):
                told = self.request.told.get(pid)
                is_old = kind == BUSY and told is not None and told[0] == self.processes[pid].started
                self.fates[pid] = (FINISHES, 0) if is_old else (TOLD, 0)
                if not is_old:
                    self.now[pid] = self.signums[pid]
            elif kind == OLD:
                self.fates[pid] = (FINISHES, 0)
            elif kind == NEW:
                self.fates[pid] = (MAY_FINISH, 0)
            elif kind == BLURRED:
                self.fates[pid] = (UNSURE, 0)
            else:
                self.fates[pid] = (HELD, self.first[pid])
                if self.signums[pid]:
                    self.mortals.append(pid)
                else:
                    self.fates[pid] = (DENIED if pid in self.request.denied else DEAF, 0)
            if pid in self.jobs:
                foreground, background = self.jobs[pid]
                if kind == WRAPPER:
                    self.leave_to(pid, background)
                # What a trap can reach belongs to its shell.
                waiting += self.behind(foreground, background if kind != BUSY or self.is_deep else [])

    def leave_to(self, shell: int, background: list[int]) -> None:
        """Leave background jobs to their script for a while, where its text says that it tells them itself: once is enough."""
        is_later = self.request.is_stop and self.request.seen is not None and not self.request.has_waited
        heard = [pid for pid in background if self.kinds.get(pid) in (HANDLER, BUSY) and not self.is_deep]
        if not (is_later and heard) or any(self.first.get(pid) for pid in self.jobs[shell][0]):
            return
        if self.is_shell(self.processes[shell]):
            from pyinit.delivery import traps

            if traps.kills(self.look.script(shell)):
                self.fates.update((pid, (LEFT_TO, shell)) for pid in heard)

    def behind(self, foreground: list[int], background: list[int]) -> list[tuple[int, int]]:
        """Jobs, each with the one it has to wait for or 0: those in the background wait for the foreground."""
        until = 0 if self.is_deep else next((self.first[pid] for pid in foreground if self.first.get(pid)), 0)
        return [*((pid, until) for pid in reversed(background)), *((pid, 0) for pid in reversed(foreground))]

    # --- what follows ---

    def conclude(self) -> Plan:
        """Those who would die, those who belong, and what the next round has to know."""
        request = self.request
        if request.is_last_call:
            return self.last_call()
        holding = [pid for pid, kind in self.kinds.items() if kind in (HANDLER, BUSY, OLD, NEW, BLURRED) and self.acts(pid)]
        outside = self.yield_to_those_outside(holding)
        holding = [pid for pid in holding if self.acts(pid)]
        # A shell that waits for one who works cannot work before that one ends, so nobody waits for the shell.
        working = frozenset(pid for pid in holding if self.first[pid] == pid) or frozenset(holding) or outside
        if not holding and not request.is_stop:
            self.do_as_at_a_stop()
        elif not holding and not outside:
            working = self.tell_mortals()
        elif request.is_stop:
            for pid in self.waited_for_by_traps():
                self.tell(pid)
        if working:
            for pid in self.mortals:
                if self.fates[pid] == (HELD, 0):
                    self.fates[pid] = (HELD, min(working))
        self.let_drain()
        # Those who would die of a signal that is no stop request are spared, where there is somebody who handles it.
        belonging = self.belongings() if not self.is_deep else []
        return self.result(working, belonging)

    def acts(self, pid: int) -> bool:
        """Whether one who was visited is told, works, or is looked at again in this round."""
        return self.fates.get(pid, (HELD, 0))[0] in (TOLD, FINISHES, MAY_FINISH, LEFT_TO, UNSURE)

    def let_drain(self) -> None:
        """Spare in the first round of a sweep those who read a pipe: its last lines may still be in it, or on their way.

        Mostly they end by themselves at its end, as tee does when its script has gone.
        """
        request = self.request
        if not (request.scope == LEFT and request.is_stop) or request.has_drained or not self.now:
            return
        for pid in list(self.now):
            if self.pipe_of(pid):
                del self.now[pid]
                self.fates[pid] = (DRAINS, 0)

    def tell_mortals(self) -> frozenset[int]:
        """Tell all who would die of it; return those that a wrapper above waits for all the same.

        Who handles the signal (timeout) passes it on, and what a loop has started again below it would be told twice.
        """
        above: dict[int, int] = {}  # who is told, by each that is above
        for told in self.now:
            pid = self.processes[told].parent
            while pid in self.kinds and pid not in above:
                above[pid] = told
                pid = self.processes[pid].parent
        for pid in self.mortals:
            if pid in above and self.processes[pid].catches(self.signums[pid]):
                self.fates[pid] = (HELD, above[pid])
            else:
                self.tell(pid)
        return frozenset(above[pid] for pid in self.mortals if self.fates[pid][0] == HELD)

    def yield_to_those_outside(self, holding: list[int]) -> frozenset[int]:
        """Find who outside the group has to go before those in it; return who of them is told in their place.

        Who would be told and reads the output of one outside is held back. As where a script has started a daemon before
        `| tee`: gone before it, tee would take its last lines with it. The daemon is told when nobody else in the group works,
        and so is a background job of a script that has left the group: the script may wait for it.
        """
        request = self.request
        if request.scope != IN_GROUP or not request.is_stop or not self.has_others_outside():
            return frozenset()
        pipes = {pid: self.pipe_of(pid) for pid in (list(self.now) if holding else self.mortals)}
        beyond = [] if self.is_deep else self.beyond
        if not any(pipes.values()) and (holding or not beyond):
            return frozenset()
        left = Walk(request.but(scope=LEFT), self.processes, self.look, self.place).plan()
        working = [
            pid for pid, (fate, _) in left.fates.items() if fate in (TOLD, FINISHES, MAY_FINISH) and pid not in self.kinds
        ]
        working = [pid for pid in working if pid not in left.now or self.hears(self.processes[pid])]
        writers = self.writers_to({pipe for pipe in pipes.values() if pipe}, working)
        readers = {pid: writers[pipe][0] for pid, pipe in pipes.items() if pipe in writers}
        for pid, writer in readers.items():
            self.now.pop(pid, None)
            self.fates[pid] = (READS, writer)
        if any(pid not in readers for pid in holding):
            return frozenset()
        found = {*readers.values(), *({*beyond, *below(beyond, self.children)}.intersection(working))}
        for pid in found:
            self.fates[pid] = (left.fates[pid][0], 0)
            if pid in left.now:
                self.now[pid] = left.now[pid]
        return frozenset(found)

    def has_others_outside(self) -> bool:
        """Whether anybody below us is out of the group's reach. Mostly nobody is, and then nobody's pipes need be looked at."""
        return bool(self.beyond) or any(pid not in self.kinds for pid in self.children.get(self.place.own_pid, ()))

    def pipe_of(self, pid: int) -> str:
        """The pipe that a process reads; nothing where its stdin is none, or comes from outside, as ours does."""
        stdin = self.look.reads_from(pid)
        return stdin if stdin.startswith("pipe:") and stdin != self.look.reads_from(self.place.own_pid) else ""

    def tell(self, pid: int) -> None:
        """Tell one who would die of it."""
        self.now[pid] = self.signums[pid]
        self.fates[pid] = (TOLD, 0)

    def do_as_at_a_stop(self) -> None:
        """Nobody handles a signal that is no stop request: those who would be told of a stop get it, and nobody above them.

        An interactive shell ignores SIGTERM, and ends at SIGHUP: where a stop would reach nobody, all are meant.
        """
        if self.request.spares_mortals:
            return
        told = Walk(self.request.but(signum=TERM, is_stop=True), self.processes, self.look, self.place).plan().now
        for pid in self.mortals:
            if pid in told or not told:
                self.tell(pid)

    def waited_for_by_traps(self) -> list[int]:
        """Foreground jobs of shells whose trap has to run, where nobody in them would end by a handler."""
        found, waiting = (
            [],
            [
                child
                for pid, kind in self.kinds.items()
                if kind == BUSY and self.acts(pid)
                for child in self.jobs[pid][0]
                if self.first[pid] == pid
            ],
        )
        visited: set[int] = set()
        while waiting:
            pid = waiting.pop()
            if pid in visited:
                continue  # a loop of parents
            visited.add(pid)
            if self.kinds.get(pid) == WRAPPER and self.signums[pid] and self.fates.get(pid, ("", 1))[0] == HELD:
                found.append(pid)
            for jobs in self.jobs.get(pid, ()):
                waiting += jobs
        return found

    def belongings(self) -> list[int]:
        """All who belong to somebody who is told or was; their fates are told."""
        found = []
        owners = [pid for pid, kind in self.kinds.items() if kind not in (WRAPPER, CATCHES_ALL) and self.acts(pid)]
        for owner in owners:
            open_ones = {child for jobs in self.jobs.get(owner, ()) for child in jobs if child in self.fates}
            waiting = [child for child in self.children.get(owner, ()) if child not in open_ones]
            while waiting:
                pid = waiting.pop()
                if pid not in self.fates:
                    self.fates[pid] = (BELONGS, owner)
                    found.append(pid)
                    waiting += self.children.get(pid, ())
        return found

    def last_call(self) -> Plan:
        """Whoever handles the signal and was not told, and whoever has to be hurried."""
        self.now = {pid: signum for pid, signum in self.now.items() if self.kinds[pid] in (HANDLER, BUSY, AGAIN)}
        for pid, kind in self.kinds.items():
            program = self.program(self.processes[pid]) if kind in (OLD, BUSY) else None
            if program is not None and program.hurry and self.request.by_program:
                self.now[pid] = signals.number(program.hurry)
                self.reasons[pid] = f"which ends {program.names[0]} in good order"
        reasons = {pid: reason for pid, reason in self.reasons.items() if pid in self.now}
        return Plan(self.now, self.next(), fates=self.fates, reasons=reasons)

    def result(self, working: frozenset[int], belonging: list[int]) -> Plan:
        """The plan."""
        request = self.request
        held, unsure, deaf = self.those(HELD, READS), self.those(UNSURE), self.those(DEAF)
        spared = self.those(MAY_FINISH, LEFT_TO)
        resume = tuple(pid for pid in self.fates if self.processes[pid].is_stopped) if request.is_stop else ()
        reasons = {pid: reason for pid, reason in self.reasons.items() if pid in self.now}
        is_whole = not held and not unsure and not belonging and not request.told and set(self.now.values()) == {request.signum}
        is_whole = is_whole and all(self.processes[pid].group == self.place.command for pid in self.now)
        # What a handler starts meanwhile belongs to it, and would get the signal with the group.
        is_whole = is_whole and request.scope == IN_GROUP and not spared and all(self.is_end_of(pid) for pid in self.now)
        heard = dict(request.heard)
        if request.is_stop:
            left = (self.processes[pid] for pid in belonging if self.has_handler(pid) and not self.is_copy(self.processes[pid]))
            heard |= {process.pid: (process.started, process.image) for process in left}
        return Plan(
            self.now, self.next(heard, held), is_whole, resume, held, working if held or unsure or spared else frozenset(),
            unsure, spared, self.those(DRAINS), deaf, self.fates, reasons,
        )  # fmt: skip

    def those(self, *fates: str) -> tuple[int, ...]:
        """The PIDs of those with one of these fates."""
        return tuple(sorted(pid for pid, (fate, _) in self.fates.items() if fate in fates))

    def has_handler(self, pid: int) -> bool:
        """Whether one who belongs to somebody who was told has a handler, which it may lose when it is told in turn."""
        is_owned = self.fates[self.fates[pid][1]][0] in (TOLD, FINISHES)
        return is_owned and any(self.processes[pid].catches(one) for one in self.choices)

    def nobody_goes_on(self) -> bool:
        """Whether all in reach got a signal of which they die.

        Then nobody is left who could run last lines: what was started since was on its way already, and is not to be spared.
        """
        return bool(self.now) and all(pid in self.now and self.is_end_of(pid) for pid in self.fates)

    def is_end_of(self, pid: int) -> bool:
        """Whether one who is told dies of it."""
        return self.kinds.get(pid) == WRAPPER and not self.processes[pid].catches(self.now[pid])

    def next(self, heard: "Mapping[int, tuple[int, int]] | None" = None, held: tuple[int, ...] = ()) -> Request:
        """The request for the next round."""
        request = self.request
        told = {pid: (self.processes[pid].started, self.processes[pid].image) for pid in self.now}
        seen, usual = request.seen, request.usual
        blurred = [pid for pid, kind in self.kinds.items() if kind == BLURRED]
        unsure = {pid: (self.processes[pid].started, self.look.ran(pid)) for pid in blurred}
        is_blurred = bool(unsure)  # then the first round is not over
        # Who has had no CPU since the last look is where it was then: on a busy machine that look does not count.
        is_early = any(has_run and request.unsure.get(pid) == (started, has_run) for pid, (started, has_run) in unsure.items())
        if request.is_stop and self.nobody_goes_on():
            seen = None
        elif request.is_stop and seen is None and not is_blurred:
            seen = {pid: process.started for pid, process in self.processes.items()}
        if request.is_stop and held:
            # Only a script that is held back starts anything, and only what it has started before is started again.
            fresh = [pid for pid, kind in self.kinds.items() if (pid not in request.told and self.acts(pid)) or kind == WRAPPER]
            usual = usual.union(self.look.words(pid) for pid in fresh)
        return request.but(
            told={**request.told, **told},
            heard=request.heard if heard is None else heard,
            seen=seen,
            usual=usual,
            looks=request.looks + (not is_early) if is_blurred else 0,
            unsure=unsure,
            waits=request.waits + is_early if is_blurred else 0,
            has_drained=request.has_drained or (request.scope == LEFT and not is_blurred),
        )


def _suspending(process: "Process", signum: int, command: int) -> int:
    """The signal that stops this process: SIGSTOP in the command's own session, where its default would do nothing.

    The kernel discards the default action of SIGTSTP, SIGTTIN and SIGTTOU in an orphaned process group (POSIX, 2.4.3).
    """
    if process.catches(signum) or process.session != command:
        return signum
    return int(signal.SIGSTOP)
