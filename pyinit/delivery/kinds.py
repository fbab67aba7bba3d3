"""PURE. What each process is for a request: who handles the signal, who would die of it, who is on the way elsewhere."""

from pyinit.delivery import LOOKS, WAITS, programs
from pyinit.delivery.jobs import INT
from pyinit.kernel import signals
from pyinit.kernel.processes import BASIC
from pyinit.kernel.signals import IGNORED_BY_DEFAULT, signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.delivery.jobs import Jobs
    from pyinit.delivery.scene import Scene
    from pyinit.kernel.processes import Process

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

#: So many processes can be looked at several times each.
FEW = 100

#: The highest signal that the kernel merges with its like (signal(7)).
LAST_STANDARD = 31

#: Of kernel functions in which a process may sleep for long, and not on the way from one thing to the next (/proc/PID/wchan).
LONG_SLEEPS = ("nanosleep", "poll", "read", "inotify", "futex", "suspend", "pause", "accept", "recv", "select")


class Kinds:
    """Tells of each process of a scene what it is: asked once, and of parents before their children.

    Of those who were asked about `signums` are the signals that they would get, 0 where they would do nothing about any, and
    `reasons` says why one is not the signal of the request.
    """

    def __init__(self, scene: "Scene", jobs: "Jobs") -> None:
        self.scene = scene
        self.request, self.processes, self.look = scene.request, scene.processes, scene.look
        self.children, self.choices = scene.children, scene.choices
        self.jobs = jobs
        self.before = self.request.told.keys() | self.request.heard.keys()  # of whom was_told() may be true
        self.signums: dict[int, int] = {}
        self.reasons: dict[int, str] = {}
        self.programs: dict[tuple[str, tuple[str, ...]], programs.Program | None] = {}  # by name and words: many are alike
        self.unseen: set[int] = set()  # whose mask told nothing at each closer look: it spawned somebody, or has no CPU
        # Whether another look may tell more, and does no harm: it would merge real-time signals, of which each counts.
        request = self.request
        self.may_look_again = request.looks < LOOKS and request.waits < WAITS and request.signum <= LAST_STANDARD

    def of(self, process: "Process") -> str:
        """What a process is for this request."""
        if process.pid in self.request.denied:
            self.signums[process.pid] = 0
            return WRAPPER
        if process.pid in self.before and self.was_told(process):
            return self.of_told(process)
        if self.has_moment(process):
            return BLURRED
        is_shell = self.looks_like_shell(process)
        kind = self.of_shell(process) if is_shell else self.of_other(process)
        if self.is_since(process):
            return self.of_newcomer(process, kind, is_shell)
        return kind

    def looks_like_shell(self, process: "Process") -> bool:
        """Whether a process is a shell. A process without children that has no handler need not be looked at."""
        matters = process.caught or process.pid in self.children
        return bool(matters) and self.scene.is_shell(process)

    # --- those who were told, or came later ---

    def was_told(self, process: "Process") -> bool:
        """Whether it has heard of this request: from us, or from the one that it belonged to and whom it has outlived."""
        told = self.request.told.get(process.pid)
        if told is not None and told[0] == process.started:
            # Another program has taken its place since: if that handles the signal it has not heard of it.
            return told[1] == process.image or not self.scene.hears(process)
        # Of one that was left to another it is so no longer: between fork and exec a shell's child has the shell's handlers.
        heard = self.request.heard.get(process.pid) == (process.started, process.image)
        return heard and not self.scene.hears(process)

    def of_told(self, process: "Process") -> str:
        """One who was told and is still there. A shell may be waiting for a foreground job of the first round."""
        if process.pid in self.children and self.scene.is_shell(process):
            foreground, _ = self.jobs.of(process)
            if any(not self.is_since(self.processes[child]) for child in foreground):
                self.signums[process.pid] = self.request.signum
                return BUSY
        return OLD

    def is_since(self, process: "Process") -> bool:
        """Whether it was started since the first round."""
        return self.request.seen is not None and self.request.seen.get(process.pid) != process.started

    def of_newcomer(self, process: "Process", kind: str, is_shell: bool) -> str:
        """One that was started since: by the last lines of a script, or by a loop once more."""
        if is_shell and kind == WRAPPER and process.pid in self.children:
            return WRAPPER  # what is below it tells
        words = self.look.words(process.pid)
        if words in self.request.usual:
            return AGAIN if kind == HANDLER else WRAPPER
        if kind == HANDLER:
            return AGAIN if self.request.has_waited else NEW
        return WRAPPER if programs.name_of(process.name, words) in programs.ONLY_WAITING else NEW

    # --- those who are on the way to something else ---

    def has_moment(self, process: "Process") -> bool:
        """Whether it is in a moment that passes, so that what it would do about a signal is not to be seen yet.

        One that sleeps with every signal blocked waits for them, by a signalfd. Whoever spawns is in an uninterruptible sleep,
        and its child runs. The child of a shell that shares its image is that shell still. A shell that does not sleep may be
        about to start somebody, who is to be told with it or in its place; and a child that its trap tells must hear it.
        """
        if not self.may_look_again:
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
        return may_start and self.scene.is_shell(process)

    def is_copy(self, process: "Process") -> bool:
        """Whether a process may be a copy of another one that has still to execute its own program.

        A signal that it handles it forgets: the handler is its parent's. Where that has gone, nothing tells whose it is.
        """
        if process.is_asleep or process.pid == self.scene.place.command:
            return False
        parent = self.processes.get(process.parent)
        if parent is None or parent.pid == self.scene.place.own_pid:
            return self.scene.hears(process)
        return (process.image, process.name) == (parent.image, parent.name)

    # --- shells ---

    def of_shell(self, process: "Process") -> str:
        """A shell works by its traps alone. That it has signals blocked never counts."""
        for signum in self.choices:
            if not process.catches(signum):
                continue
            catches_all = (process.caught | process.ignored) & CAUGHT_FOR_EXIT == CAUGHT_FOR_EXIT
            is_doubtful = catches_all or signum == INT or self.look.shell(process.pid) in CATCH_WITHOUT_TRAP
            if not is_doubtful or self.sets_trap(process.pid, signum):
                self.signums[process.pid] = signum
                return BUSY if self.jobs.of(process)[0] else HANDLER
            if catches_all and self.request.is_stop and not self.jobs.of(process)[0]:
                self.signums[process.pid] = signum
                return CATCHES_ALL
        self.settle_end(process)
        return WRAPPER

    def sets_trap(self, pid: int, signum: int) -> bool:
        """Whether the text of a shell's script has a trap for a signal."""
        from pyinit.delivery import traps

        return traps.traps(self.look.script(pid), signum)

    # --- all others ---

    def of_other(self, process: "Process") -> str:
        """One that is no shell."""
        program = self.program(process)
        is_wrapper = program is not None and program.what == programs.HELD_BACK and process.pid in self.children
        if not is_wrapper and self.settle_signal(process):
            return HANDLER
        self.settle_end(process)
        return BLURRED if process.pid in self.unseen and self.may_look_again else WRAPPER

    def program(self, process: "Process") -> "programs.Program | None":
        """The row of programs.py; none is looked for where there is neither a handler nor a child."""
        if not (process.caught or process.blocked or process.pid in self.children):
            return None
        called = (process.name, self.look.words(process.pid))
        if called not in self.programs:
            self.programs[called] = programs.find(*called)
        return self.programs[called]

    def settle_signal(self, process: "Process") -> bool:
        """Find the signal that a process handles and is to get; return whether there is one."""
        pid, signum = process.pid, self.request.signum
        has_any = process.caught or process.blocked
        visible = next((one for one in self.choices if self.handles(process, one)), 0) if has_any else 0
        found = self.graceful(process) or visible or (signum if self.waits_for_signals(process) else 0)
        if not found:
            return False
        self.signums[pid] = found
        if found != signum and pid not in self.reasons:
            self.reasons[pid] = f"for it does not handle {signals.name(signum)}"
        return True

    def settle_end(self, process: "Process") -> None:
        """Find the signal of which a process would die; 0 if it is deaf."""
        deadly = (one for one in self.choices if not process.ignores(one) and one not in IGNORED_BY_DEFAULT)
        self.signums[process.pid] = next(deadly, 0)

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
        started, ran = self.request.unsure.get(process.pid, (0, b""))
        found = [self.look.blocks(process.pid, one, ran if started == process.started else b"") for one in self.choices]
        if None in found:
            self.unseen.add(process.pid)
        return any(found)

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
