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

from pyinit.delivery import IN_GROUP, Plan, Request, choice, programs
from pyinit.delivery.scene import Place, Scene
from pyinit.kernel.processes import BASIC
from pyinit.kernel.signals import CONTINUES, IGNORED_BY_DEFAULT, SUSPENDS, signal
from pyinit.settings.config import COMMAND

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyinit.kernel.processes import Look, Process


def is_deaf(process: "Process", signum: int) -> bool:
    """Whether a process would do nothing about a signal: it ignores it, or leaves it at a default that does nothing."""
    handles = process.catches(signum) or process.blocks(signum)
    return process.ignores(signum) or (signum in IGNORED_BY_DEFAULT and not handles)


def forwarding(signum: int, processes: "Mapping[int, Process]", look: "Look", place: Place) -> Plan:
    """The plan for a signal that may be a stop request, if it is none."""
    return choice.of_all(Scene(Request(signum, IN_GROUP, False), processes, look, place))


def plan(
    request: Request, processes: "Mapping[int, Process]", look: "Look", place: Place, forwarded: Plan | None = None
) -> Plan:
    """Decide who gets a request now. `forwarded` is what forwarding() has made of the same signal, if it was asked."""
    signum, suspends = request.signum, request.signum in SUSPENDS
    if suspends or signum in (CONTINUES, signal.SIGKILL) or (signum in IGNORED_BY_DEFAULT and not request.is_stop):
        in_group = [one for one in processes.values() if one.group == place.command and one.pid != place.own_pid]
        now = {one.pid: _suspending(one, signum, place.command) if suspends else signum for one in in_group}
        return Plan(now, request, whole_group=not suspends)
    if place.forward == COMMAND and request.scope == IN_GROUP:
        return choice.of_command(Scene(request, processes, look, place))
    if forwarded is not None and request == Request(request.signum, IN_GROUP, False):
        return forwarded
    return choice.of_all(Scene(request, processes, look, place))


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


def _suspending(process: "Process", signum: int, command: int) -> int:
    """The signal that stops this process: SIGSTOP in the command's own session, where its default would do nothing.

    The kernel discards the default action of SIGTSTP, SIGTTIN and SIGTTOU in an orphaned process group (POSIX, 2.4.3).
    """
    if process.catches(signum) or process.session != command:
        return signum
    return int(signal.SIGSTOP)
