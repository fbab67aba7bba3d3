"""PURE. Which of its children a process waits for in the foreground, and which it has put in the background."""

from pyinit.kernel.signals import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.delivery.scene import Scene
    from pyinit.kernel.processes import Process

INT = int(signal.SIGINT)

#: Shells that sleep in sigsuspend() in `wait`, and there alone. (zsh, yash and mksh do so in the foreground too.)
SUSPENDED_IN_WAIT = ("sh", "ash", "dash", "busybox")

#: What a script's background job ignores (POSIX, 2.11).
IN_BACKGROUND = 1 << signal.SIGINT - 1 | 1 << signal.SIGQUIT - 1


class Jobs:
    """Tells the jobs of the processes of a scene, each once."""

    def __init__(self, scene: "Scene") -> None:
        self.scene = scene
        self.known: dict[int, tuple[list[int], list[int]]] = {}
        self.images: set[int] | None = None  # of those who were told before, once somebody asks

    def of(self, process: "Process") -> tuple[list[int], list[int]]:
        """The children that a process waits for in the foreground, and those in the background. Not to be changed.

        A background job of a script ignores SIGINT and SIGQUIT, if its shell does not (POSIX, 2.11). bash and busybox ignore
        SIGQUIT always, and some programs (Node) take both back. Then these tell: dash and busybox sleep in sigsuspend() while
        they wait for background jobs; a background job has a /dev/null of its own for its stdin; one that reads what its shell
        writes is never waited for; and the text of the script.
        """
        found = self.known.get(process.pid)
        if found is None:
            found = self.known[process.pid] = self.find(process)
        return found

    def find(self, process: "Process") -> tuple[list[int], list[int]]:
        """As of()."""
        scene = self.scene
        look = scene.look
        foreground: list[int] = []
        background: list[int] = []
        children = [scene.processes[child] for child in scene.children.get(process.pid, ())]
        is_shell = bool(children) and scene.is_shell(process)
        is_suspended = is_shell and "sigsuspend" in look.sleeps_in(process.pid)
        if is_suspended and look.shell(process.pid) in SUSPENDED_IN_WAIT:
            background += [child.pid for child in children]
        else:
            has_traps = bool(process.caught & ~(1 << INT - 1 | 1 << signal.SIGCHLD - 1))
            # Where the kernel tells no masks, the text of the script alone tells most background jobs.
            is_matter = len(children) > 1 or has_traps or scene.request.seen is not None or not look.sees_masks
            is_matter = is_matter and is_shell
            for child in children:
                is_behind = self.is_behind(child, process)
                if not is_behind and is_matter:
                    stdin = look.reads_from(child.pid)
                    is_behind = stdin.startswith("/dev/null") and not self.has_same_stdin(child.pid, process.pid)
                    is_behind |= stdin.startswith("pipe:") and stdin in look.writes_to(process.pid)
                    is_behind |= not look.sees_masks and self.is_put_behind(child.pid, process.pid)
                (background if is_behind else foreground).append(child.pid)
            if is_matter and foreground and not self.is_subshell(process):
                from pyinit.delivery import traps

                if traps.is_in_wait(look.done(process.pid)):  # so it can run a trap at once
                    background += foreground
                    foreground = []
            if is_shell and len(foreground) > 1:
                last = self.last_pipeline(process.pid, foreground)
                background += [pid for pid in foreground if pid not in last]
                foreground = [pid for pid in foreground if pid in last]
        if scene.is_deep:
            return foreground + background, []  # none comes before another
        return foreground, background

    def has_same_stdin(self, one: int, other: int) -> bool:
        """Whether two read from the same, and not from a /dev/null that each has opened for itself."""
        look = self.scene.look
        return look.reads_from(one) == look.reads_from(other) and look.opened(one) == look.opened(other)

    def is_behind(self, child: "Process", parent: "Process") -> bool:
        """Whether a child ignores what its parent does not, as only a background job does."""
        ignored = child.ignored & ~parent.ignored & IN_BACKGROUND
        if ignored == 1 << signal.SIGQUIT - 1:  # a program with a handler for SIGINT, or a shell
            return child.catches(INT) and not self.scene.is_shell(child) and self.scene.is_shell(parent)
        return bool(ignored)

    def is_put_behind(self, child: int, shell: int) -> bool:
        """Whether the text of a shell's script says that it has put a child into the background."""
        from pyinit.delivery import traps

        look = self.scene.look
        return traps.puts_behind(look.script(shell), look.words(child), look.words(shell))

    def is_subshell(self, process: "Process") -> bool:
        """Whether a shell is a subshell, perhaps of one that was told and has gone.

        The text of a script tells where the script is, and not where its subshells are.
        """
        scene = self.scene
        parent = scene.processes.get(process.parent)
        if parent is not None and parent.pid != scene.place.own_pid:
            return process.image == parent.image != 0
        if self.images is None:
            self.images = {image for _, image in scene.request.told.values() if image}
        return process.image in self.images and process.pid not in scene.request.told

    def last_pipeline(self, shell: int, jobs: list[int]) -> list[int]:
        """Those of a shell's jobs that it can be waiting for: all, if it may be in `wait`, or the pipeline started last."""
        from pyinit.delivery import traps

        look, processes = self.scene.look, self.scene.processes
        text = look.script(shell)
        if not text or traps.waits(text):
            return jobs
        found: set[int] = set()
        pipes: dict[int, set[str]] = {}
        at_ends: dict[str, list[int]] = {}  # who is at either end of each pipe
        for pid in jobs:
            ends = (look.reads_from(pid), *look.writes_to(pid))
            pipes[pid] = {end for end in ends if end.startswith("pipe:")}
            for end in pipes[pid]:
                at_ends.setdefault(end, []).append(pid)
        waiting = [max(jobs, key=lambda pid: (processes[pid].started, pid))]
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found.add(pid)
                for end in pipes[pid]:
                    waiting += at_ends.pop(end, ())
        return [pid for pid in jobs if pid in found]
