"""What a row of the table is: a program, the form in which an image starts it, and the signal that asks it to stop.

Nothing here or in `programs/` needs more than the standard library: prepare.sh reads the table before anything is installed.
Placeholders in the texts of a row are replaced for each cell: @DIR@ (the cell's own folder, which is also the working
directory), @EVENTS@ (the file to which applications write what happens to them), @WORK@ (seconds that the work in flight
takes), @APPS@ (our little applications), @CACHE@ (what `once` has made), @PYTHON@, @PIP@ and @NPM@ (this Python, and the
folders of programs from PyPI and npm), @COMMAND@ (in forms: the program's command).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ROOT / "tests" / "menagerie" / "apps"
#: Not in the checkout, which another user, such as a database's, may not be allowed to enter.
CACHE = Path("/var/tmp/pyinit-menagerie")  # noqa: S108 - ours alone, and kept from one run to the next
PIP = CACHE / "python" / "bin"
NPM = CACHE / "node" / "node_modules" / ".bin"

#: Where an image looks for its programs.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Seconds that work takes. Longer than the 2 s after which su and runuser kill, shorter than LIMIT by far.
WORK = 2.5
#: Seconds after which an orchestrator loses its patience, and the namespace gets SIGKILL.
LIMIT = 8.0

#: What all our little applications write, and so what a row means where it says nothing else.
STARTED, TOLD, FINISHED = r"^work started", r"^told", r"^work finished"
#: What the runner writes when the client got its whole answer.
ANSWERED = r"^client: done"


@dataclass(frozen=True)
class Packages:
    """Where the parts of a program come from, by the names that apt, pip and npm know."""

    apt: tuple[str, ...] = ()
    pypi: tuple[str, ...] = ()
    npm: tuple[str, ...] = ()

    def __add__(self, other: Packages) -> Packages:
        return Packages(self.apt + other.apt, self.pypi + other.pypi, self.npm + other.npm)


@dataclass(frozen=True, eq=False)
class Form:
    """A way to start a command. What it is given as @COMMAND@ is the program's command line."""

    name: str
    #: The command line of PID 1.
    command: str
    files: Mapping[str, str] = field(default_factory=dict)
    packages: Packages = Packages()
    #: Programs that must be there, by name or path.
    needs: tuple[str, ...] = ()
    #: The form's own statuses, whatever that of the application is; without any: the application's.
    statuses: tuple[int, ...] = ()
    #: Why it cannot be PID 1 itself, where it cannot; then there is no cell without an init.
    not_as_pid_1: str = ""
    #: How the wrapper tells its version, for the page.
    version: str = ""
    #: What the page says of it.
    note: str = ""


@dataclass(frozen=True, eq=False)
class Program:
    """A program with work in flight: how to start it, how to give it work, and how to know what became of both."""

    name: str
    command: str
    packages: Packages = Packages()
    needs: tuple[str, ...] = ()
    version: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    #: A shell line that makes in @CACHE@ what is the same for all cells and slow to make (a new database).
    once: str = ""
    #: A shell line for each cell, before PID 1 starts, in its namespaces.
    before: str = ""
    #: A server beside the namespace that the program needs (a broker, an upstream), and its port.
    companion: str = ""
    companion_port: int = 0
    #: Ready is: this port is listened on, and this has been said (a regular expression).
    port: int = 0
    ready: str = ""
    #: A client's command, run beside the namespace in its network; without one the work starts by itself.
    client: str = ""
    started: str = STARTED
    #: Empty: that the client got its whole answer, or else what our little applications write.
    finished: str = ""
    #: What the application or its log says each time it is told; None: nobody can know.
    told: str | None = TOLD
    #: Further files that are read for all these texts.
    logs: tuple[str, ...] = ()
    #: Each form, with the signals that are tried in it.
    forms: Mapping[Form, tuple[str, ...]] = field(default_factory=dict)
    #: Seconds that an orchestrator waits for it.
    limit: float = LIMIT
    #: What is tried in CI: these forms with their first signal, and these pairs of form and signal.
    third: tuple[Form | tuple[Form, str], ...] = ()
    #: A signal that asks for a dump, and what the dump begins with: the program must live on.
    dump: tuple[str, str] | None = None
    #: For the page: what to set, and what nobody can cure.
    advice: str = "Nothing."
    limits: str = ""

    @property
    def is_finished(self) -> str:
        """What tells that the work is done (a regular expression)."""
        return self.finished or (ANSWERED if self.client else FINISHED)


@dataclass(frozen=True)
class Row:
    """One program in one form, asked to stop by one signal: a cell for each init."""

    program: Program
    form: Form
    signal: str
    in_third: bool

    @property
    def name(self) -> str:
        """How a person names the row, and pytest the test."""
        return f"{self.program.name}-{self.form.name}-{self.signal}".replace(" ", "-").replace("/", "-")

    @property
    def is_dump(self) -> bool:
        """The signal asks for a dump and not for a stop."""
        return self.program.dump is not None and self.program.dump[0] == self.signal

    @property
    def packages(self) -> Packages:
        """All that this row needs."""
        return self.program.packages + self.form.packages

    @property
    def needs(self) -> tuple[str, ...]:
        """The programs that must be there, by name or path."""
        return self.program.needs + self.form.needs


def rows(programs: Iterable[Program]) -> Iterator[Row]:
    """The rows that these programs ask for."""
    for program in programs:
        for form, signals in program.forms.items():
            for signal in signals:
                in_third = (form, signal) in program.third or (form in program.third and signal == signals[0])
                yield Row(program, form, signal, in_third)
