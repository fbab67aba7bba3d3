"""PI2..: what the start script does."""

from __future__ import annotations

from collections.abc import Iterator

from pyinit.check import commands, launch, script
from pyinit.check.chain import Subject
from pyinit.check.launch import Step
from pyinit.check.model import Edit, Finding
from pyinit.check.rules.standing import background_servers, goes_on, init_before, standing, waits_long
from pyinit.check.script import Script, Statement
from pyinit.settings.words import SHELL_WORDS

#: Signals that ask for a stop.
STOPS = ("TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH")

#: The other way to mend a script, without a change to it.
OURS = 'ENTRYPOINT ["pyinit", "--"], which lets it finish as it is'


def own(subject: Subject) -> Iterator[tuple[int, Step, Script]]:
    """The scripts that stand in front, files and the texts of `sh -c`, that were read whole."""
    for number, step in standing(subject):
        if step.kind in (launch.SCRIPT, launch.SHELL) and step.script is not None and step.script.is_whole:
            yield number, step, step.script


def runs_on(statement: Statement, parsed: Script, subject: Subject) -> bool:
    """Whether a command goes on until it is told to stop, as far as can be known."""
    words = statement.words
    if statement.kind != script.COMMAND or not words or statement.is_background or statement.is_exec:
        return False
    if words[0] is None or words[0] in parsed.functions:
        return False
    if words[0] == script.ARGUMENTS:
        given = next((step for step in subject.launch.steps if step.script is parsed), None)
        arguments = given.words[1:] if given is not None else ()
        return goes_on(arguments, subject) if arguments else subject.is_service
    return goes_on(words, subject)


def serves(statement: Statement, parsed: Script) -> bool:
    """Whether a command is known to serve, in the foreground."""
    words = statement.words
    is_plain = statement.kind == script.COMMAND and bool(words) and not statement.is_background and not statement.is_exec
    return is_plain and words[0] not in parsed.functions and commands.is_server(words) and not commands.daemonizes(words)


def _serves_arguments(statement: Statement, step: Step) -> bool:
    """Whether a command is what the script was given, `"$@"`, in the foreground, and that is known to serve."""
    is_plain = statement.kind == script.COMMAND and not statement.is_background and not statement.is_exec
    given = step.words[1:]
    return (
        is_plain
        and statement.words == (script.ARGUMENTS,)
        and bool(given)
        and commands.is_server(given)
        and not commands.daemonizes(given)
    )


def _leaves_it_to_a_file(statement: Statement) -> bool:
    """Whether a file decides if this goes into the background, as it does for php-fpm; the script, which goes on, says yes."""
    name = commands.base(statement.words[0]) if statement.words else ""
    return name.startswith("php-fpm") and not {"-F", "--nodaemonize"} & set(statement.words)


def stop_traps(parsed: Script) -> list[script.Trap]:
    """The traps for signals that ask for a stop, which do something."""
    return [trap for trap in script.traps(parsed.statements) if trap.is_set and set(trap.signals) & set(STOPS)]


def _name(statement: Statement) -> str:
    word = statement.words[0] if statement.words else None
    return '"$@"' if word == script.ARGUMENTS else commands.base(word) or "the command"


def pi201(subject: Subject) -> Iterator[Finding]:
    """The last command without exec."""
    if subject.workload is not None and subject.workload.pod is not None and subject.workload.pod.kind in ("Job", "CronJob"):
        return
    for number, step, parsed in own(subject):
        if step.kind != launch.SCRIPT or stop_traps(parsed):
            continue
        init = init_before(subject, number)
        whom = (
            f"{init} ends with the script, which dies of SIGTERM"
            if init
            else "the script is PID 1, and passes SIGTERM to nobody"
        )
        has_exit_trap = any("EXIT" in trap.signals and trap.is_set for trap in script.traps(parsed.statements))
        has_jobs = any(one.is_background for one in parsed.walk())
        tails = launch.tails(parsed.statements, parsed.functions)
        found = [tail for tail in tails if _stands(tail, parsed, subject)]
        for tail in found:
            name = _piped(tail) if tail.kind == script.PIPELINE else _name(tail)
            program = commands.base(step.words[1]) if tail.words[:1] == (script.ARGUMENTS,) and len(step.words) > 1 else name
            can_exec = tail.kind == script.COMMAND and not has_exit_trap and not tail.has_assignments
            mend = f"exec {name} ..." if can_exec or tail.has_assignments else "start it with `&`, `wait` for it, and trap TERM"
            yield Finding(
                "PI201",
                f"{program} is started without exec: {whom}, so {program} is killed with its work",
                tail.place,
                subject.chain,
                mend=mend + '; or ENTRYPOINT ["pyinit", "--"], which lets it finish as it is',
                edits=(Edit(parsed.path, tail.start, tail.start, "exec "),)
                if can_exec and not has_jobs and _is_file(parsed)
                else (),
            )
        if found:
            continue
        if len(tails) == 1 and tails[0].words[:1] == ("wait",):
            if has_exit_trap and parsed.shell == "bash":
                continue  # bash with an EXIT trap catches every signal that would end it, and runs the trap at once
            yield from _untold(subject, parsed, whom)
            continue
        for statement in parsed.statements:
            if statement in tails or _leaves_it_to_a_file(statement):
                continue
            if serves(statement, parsed) or _serves_arguments(statement, step):
                name = commands.base(step.words[1]) if statement.words[:1] == (script.ARGUMENTS,) else _name(statement)
                yield Finding(
                    "PI201",
                    f"{name} runs in the foreground of the script: {whom}, so {name} is killed with its work",
                    statement.place,
                    subject.chain,
                    mend=f"start it with `&`, `wait` for it, and trap TERM; or {OURS}",
                )


def _untold(subject: Subject, parsed: Script, whom: str) -> Iterator[Finding]:
    """Jobs that the script waits for, and tells nothing: it has no trap."""
    for job in background_servers(parsed):
        yield Finding(
            "PI201",
            f"{_name(job)} runs in the background of a script without a trap: {whom}, so {_name(job)} is killed with its work",
            job.place,
            subject.chain,
            mend='trap TERM, pass it on, and wait once more; or ENTRYPOINT ["pyinit", "--"], which tells them as they are',
        )


def _is_file(parsed: Script) -> bool:
    return parsed.first_line == 1


def _stands(tail: Statement, parsed: Script, subject: Subject) -> bool:
    if tail.kind == script.PIPELINE:
        return not tail.is_background and any(commands.is_server(part.words) and not part.is_exec for part in tail.parts)
    if tail.kind == script.SUBSHELL and not tail.is_background:
        return any(serves(one, parsed) for one in launch.tails(tail.parts, parsed.functions))
    return runs_on(tail, parsed, subject)


def _piped(tail: Statement) -> str:
    return _name(next(part for part in tail.parts if commands.is_server(part.words)))


def pi202(subject: Subject) -> Iterator[Finding]:
    """`exec` in a pipeline."""
    for _, _, parsed in own(subject):
        for statement in parsed.walk():
            if statement.kind != script.PIPELINE:
                continue
            for part in statement.parts:
                if part.is_exec:
                    yield Finding(
                        "PI202",
                        "this exec takes the place of the pipeline's own process; the shell stays, and passes SIGTERM to "
                        f"nobody ({_exec_name(part)})",
                        part.place,
                        subject.chain,
                        mend=f"exec {_exec_name(part)} ... > >(tee log) in bash, or let the program write its own log",
                    )


def _exec_name(part: Statement) -> str:
    return commands.base(part.words[1]) or "the program"


def pi203(subject: Subject) -> Iterator[Finding]:
    """A trap that cannot run, because a child is in the foreground."""
    for _, _, parsed in own(subject):
        traps = stop_traps(parsed)
        if not traps:
            continue
        first = min(trap.statement.start for trap in traps)
        tails = launch.tails(parsed.statements, parsed.functions)
        held = [
            one
            for top in parsed.statements
            if top.kind != script.FUNCTION
            for one in top.walk()
            if one.start > first
            and (serves(one, parsed) or waits_long(one) or (one in tails and _may_go_on(one, parsed)))
            and not _in_background(one, parsed)
        ]
        for statement in held[:1]:
            signal = next(name for name in traps[0].signals if name in STOPS)
            yield Finding(
                "PI203",
                f"the trap for {signal} cannot run before {_name(statement)} has ended: a shell waits for its child first",
                statement.place,
                (traps[0].statement.place, *subject.chain),
                mend=f"{_name(statement)} ... & wait $!",
            )


def _may_go_on(statement: Statement, parsed: Script) -> bool:
    """Whether a last command is not known to be over soon. Whoever has set a trap for a stop expects one."""
    words = statement.words
    is_plain = statement.kind == script.COMMAND and bool(words) and not statement.is_background and not statement.is_exec
    return (
        is_plain
        and words[0] not in (None, *parsed.functions)
        and not commands.is_short(words)
        and not commands.daemonizes(words)
    )


def _in_background(statement: Statement, parsed: Script) -> bool:
    """Whether a statement is part of something that is in the background, or of a function, which may be."""
    return any(
        one.start <= statement.start and statement.end <= one.end and (one.is_background or one.kind == script.FUNCTION)
        for one in parsed.walk()
        if one is not statement
    )


def pi204(subject: Subject) -> Iterator[Finding]:
    """A `wait` that ends when the trap runs, and nobody waits any more."""
    for _, _, parsed in own(subject):
        for trap in stop_traps(parsed):
            action = script.action_of(trap, parsed)
            if action is None:
                continue
            inner = [one for top in action for one in top.walk() if one.kind == script.COMMAND and one.words]
            names = [one.words[0] for one in inner if one.words[0] not in parsed.functions]
            sends = any(one.words[0] in ("kill", "pkill", "killall") and one.words[1:2] != ("-0",) for one in inner)
            unknown = any(name is None or (name not in SHELL_WORDS and name not in commands.SHORT) for name in names)
            if not sends or "wait" in names or unknown or _loops(action):
                continue
            waits = [
                one
                for top in parsed.statements
                if top.kind != script.FUNCTION
                for one in top.walk()
                if one.kind == script.COMMAND and one.words[:1] == ("wait",) and one.start > trap.statement.start
            ]
            is_looped = any(one.kind == script.LOOP and any(w in list(one.walk()) for w in waits) for one in parsed.walk())
            if len(waits) != 1 or is_looped:
                continue
            behind = [one for one in parsed.statements if one.start > waits[0].end]
            if any(one.kind == script.LOOP for top in behind for one in top.walk()):
                continue
            yield Finding(
                "PI204",
                "the signal ends this wait as soon as the trap has run: the script leaves, and whoever is still finishing is "
                "killed",
                waits[0].place,
                (trap.statement.place, *subject.chain),
                mend="wait once more behind it, or in the trap: trap 'kill -TERM $pid; wait $pid' TERM",
            )
            break


def _loops(action: tuple[Statement, ...]) -> bool:
    return any(one.kind == script.LOOP for top in action for one in top.walk())


def pi205(subject: Subject) -> Iterator[Finding]:
    """A trap for KILL or STOP."""
    for step in subject.launch.steps:
        if step.script is None or not step.script.is_whole:
            continue
        for trap in script.traps(step.script.statements):
            wrong = [name for name in trap.signals if name in ("KILL", "STOP")]
            if wrong and trap.is_set:
                yield Finding(
                    "PI205",
                    f"no process can catch SIG{wrong[0]}: this trap never runs for it",
                    trap.statement.place,
                    subject.chain,
                    mend="trap TERM",
                )


def pi206(subject: Subject) -> Iterator[Finding]:
    """A background job that nobody waits for."""
    for _, step, parsed in own(subject):
        everything = list(parsed.walk())
        if any(one.kind == script.COMMAND and one.words[:1] in (("wait",), ("fg",)) for one in everything):
            continue
        if step.executes is True and any(one.is_exec for one in everything) and subject.launch.program is not None:
            continue  # PI109 tells of that
        for job in background_servers(parsed):
            yield Finding(
                "PI206",
                f"nobody waits for {_name(job)}: when the script ends it is killed with its work, and when it dies nobody "
                "knows",
                job.place,
                subject.chain,
                mend="a container of its own for it; or trap TERM, pass it on, and `wait`; or pyinit in front",
            )


#: Conditions of loops that always hold.
ALWAYS = (("true",), (":",), ("[", "1", "]"))


def pi207(subject: Subject) -> Iterator[Finding]:
    """A loop that starts the program again."""
    for _, _, parsed in own(subject):
        for statement in parsed.walk():
            if statement.kind != script.LOOP or statement.is_background or _in_background(statement, parsed):
                continue
            condition = statement.condition
            is_endless = statement.word == "forever" or (
                statement.word == "while"
                and len(condition) == 1
                and (
                    condition[0].words in ALWAYS
                    or (
                        condition[0].kind == script.OTHER
                        and parsed.text[condition[0].start : condition[0].end].strip("[] ") == "1"
                    )
                )
            )
            body = [one for part in statement.parts for one in part.walk()]
            leaves = any(
                one.kind == script.COMMAND and one.words[:1] in (("break",), ("exit",), ("return",), ("exec",)) for one in body
            )
            restarted = [one for one in body if serves(one, parsed)]
            again = [one for one in condition if statement.word == "until" and serves(one, parsed)]
            found = again or (restarted if is_endless and not leaves else [])
            for one in found[:1]:
                yield Finding(
                    "PI207",
                    f"this loop starts {_name(one)} again whenever it ends, during a stop as well, and hides from the "
                    "orchestrator that it died",
                    one.place,
                    subject.chain,
                    mend=f"exec {_name(one)} ..., and let the orchestrator restart the container",
                )


def pi208(subject: Subject) -> Iterator[Finding]:
    """Code behind an exec, which never runs."""
    for step in subject.launch.steps:
        if step.script is None or not step.script.is_whole:
            continue
        for block in _blocks(step.script.statements):
            for at, statement in enumerate(block[:-1]):
                if not statement.is_exec:
                    continue
                behind = [one for one in block[at + 1 :] if one.kind != script.FUNCTION]
                harmless = all(
                    one.kind == script.COMMAND and one.words[:1] in (("exit",), ("echo",), ("printf",), ("return",))
                    for one in behind
                )
                if behind and not harmless:
                    yield Finding(
                        "PI208",
                        "nothing behind an exec is ever run, unless the program cannot be started at all",
                        behind[0].place,
                        (statement.place, *subject.chain),
                        mend="do it before, or in a trap of a script that does not exec",
                    )
                    break


def _blocks(statements: tuple[Statement, ...]) -> Iterator[tuple[Statement, ...]]:
    yield statements
    for statement in statements:
        for block in (statement.parts if statement.kind not in (script.PIPELINE, script.LISTED) else (), *statement.branches):
            if block:
                yield from _blocks(block)


CHECKS = (pi201, pi202, pi203, pi204, pi205, pi206, pi207, pi208)
