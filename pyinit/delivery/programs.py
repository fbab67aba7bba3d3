"""PURE. What well-known programs want: how they finish their work, and which wrappers stand in the way. One row for each.

A row is here where a signal other than the one that was received is right, where a wrapper is better held back, or where the
signal that means something else elsewhere (SIGQUIT, SIGUSR1) asks this program to stop. Each row is from the program's own
documentation, named by `source`, and is tried with the real program by the tests.
"""

from pyinit.kernel import signals
from pyinit.record import Record

#: What a program is: it gets the signal, and what is below it is its own business; the same, though it only passes the signal
#: on; it is held back, and what is below it is told in its place.
APPLICATION, PASSES_ON, HELD_BACK = "application", "passes on", "held back"

#: Programs that only wait: nobody has to wait for them in turn.
ONLY_WAITING = frozenset({"sleep", "tail", "inotifywait", "pause", "watch"})

#: What runs a script, whose name then says what it is.
INTERPRETERS = ("python", "ruby", "perl", "node", "nodejs", "php", "bash", "dash", "sh")

#: Wrappers that are scripts themselves, by the names of their files.
OF_NODE = ("npm", "npx", "yarn", "pnpm", "npm-cli.js", "npx-cli.js", "yarn.js", "pnpm.cjs")
RUNNERS = ("concurrently", "concurrently.js", "nodemon", "nodemon.js")
SCRIPTS = frozenset((*OF_NODE, *RUNNERS))

#: Options of interpreters that are followed by a word of their own, and those whose word is the program itself.
WITH_WORD = ("-W", "-X", "-r", "--require", "-I", "--import")
WITH_CODE = ("-c", "-e")


class Program(Record):
    """A row of the table.

    `names` are those that it is known by, without a version; of a module that `python -m` runs, with its packages. `graceful`
    are the signals by which it finishes its work; the first is sent in the place of any other stop signal. `hurry` is sent when
    two thirds of a known time are over, to end it in good order without waiting for its clients. `others` tells what further
    signals do.
    """

    names: tuple[str, ...]
    what: str
    source: str
    graceful: tuple[str, ...] = ("TERM",)
    hurry: str = ""
    others: "dict[str, str]" = {}  # noqa: RUF012 - nobody changes it

    def finishes_at(self, signum: int) -> bool:
        """Whether it finishes its work at this signal."""
        return any(signals.number(name) == signum for name in self.graceful)


PROGRAMS = (
    Program(
        ("nginx", "openresty"),
        APPLICATION,
        "https://nginx.org/en/docs/control.html",
        ("QUIT",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "INT": "as TERM", "HUP": "reloads", "USR1": "reopens its logs"},
    ),
    Program(
        ("php-fpm",),
        APPLICATION,
        "php-fpm(8); process_control_timeout in https://www.php.net/manual/en/install.fpm.configuration.php",
        ("QUIT",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "INT": "as TERM", "USR1": "reopens its logs", "USR2": "reloads"},
    ),
    Program(
        ("apache2", "httpd"),
        APPLICATION,
        "https://httpd.apache.org/docs/2.4/stopping.html",
        ("WINCH",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "HUP": "restarts", "USR1": "restarts gracefully"},
    ),
    Program(
        ("haproxy",),
        APPLICATION,
        "haproxy(1); https://docs.haproxy.org/2.6/management.html#4",
        ("USR1",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "INT": "as TERM", "HUP": "tells its state in the log", "USR2": "reloads"},
    ),
    Program(
        ("lighttpd",),
        APPLICATION,
        "https://redmine.lighttpd.net/projects/lighttpd/wiki/Docs_Signals",
        ("INT",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "HUP": "reopens its logs", "USR1": "restarts gracefully"},
    ),
    Program(
        ("postgres", "postmaster"),
        APPLICATION,
        "https://www.postgresql.org/docs/current/server-shutdown.html",
        ("TERM", "INT"),
        "INT",
        {
            "TERM": "takes no new session, and waits for all clients to leave",
            "INT": "aborts the sessions, and stops in good order",
            "QUIT": "stops at once; the next start has to recover",
            "HUP": "reloads",
        },
    ),
    Program(
        ("unicorn", "unicorn_rails", "pitchfork"),
        APPLICATION,
        "https://yhbt.net/unicorn/SIGNALS.html",
        ("QUIT",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "INT": "as TERM", "HUP": "reloads", "USR1": "reopens its logs"},
    ),
    Program(
        ("gunicorn", "gunicorn.app.wsgiapp"),
        APPLICATION,
        "https://docs.gunicorn.org/en/stable/signals.html",
        ("TERM",),
        "",
        {"QUIT": "stops at once, and cuts requests", "INT": "as QUIT", "HUP": "reloads", "USR1": "reopens its logs"},
    ),
    Program(
        ("celery", "celeryd", "celery.bin.celery"),
        APPLICATION,
        "https://docs.celeryq.dev/en/stable/userguide/workers.html#stopping-the-worker",
        ("TERM", "INT"),
        "",
        {
            "QUIT": "stops at once, and loses its jobs",
            "INT": "as TERM, but its status is 1; the second one as QUIT",
            "HUP": "restarts",
        },
    ),
    Program(
        ("huey_consumer", "huey_consumer.py", "huey.bin.huey_consumer"),
        APPLICATION,
        "https://huey.readthedocs.io/en/latest/consumer.html#consumer-shutdown",
        ("INT",),
        "",
        {"TERM": "stops at once, and loses its jobs", "HUP": "restarts"},
    ),
    Program(
        ("pgbouncer",),
        APPLICATION,
        "https://www.pgbouncer.org/usage.html#signals",
        ("INT",),
        "TERM",
        {"TERM": "stops at once, and cuts queries", "HUP": "reloads", "USR1": "pauses", "USR2": "resumes"},
    ),
    Program(
        ("starman",),
        APPLICATION,
        "https://metacpan.org/pod/starman#SIGNALS",
        ("QUIT",),
        "TERM",
        {"TERM": "stops at once, and cuts requests", "INT": "as TERM", "HUP": "restarts its workers"},
    ),
    Program(
        ("memcached",),
        APPLICATION,
        "memcached(1): -u, SIGUSR1 in https://docs.memcached.org/serverguide/",
        ("USR1",),
        "TERM",
        {"TERM": "stops at once", "INT": "as TERM"},
    ),
    Program(
        ("waitress-serve", "waitress"),
        APPLICATION,
        "https://docs.pylonsproject.org/projects/waitress/: it finishes at KeyboardInterrupt, and has no handler for SIGTERM",
        ("INT",),
        "",
        {"TERM": "dies of it, and cuts requests"},
    ),
    Program(
        ("parallel",),
        APPLICATION,
        "parallel(1): SIGHUP starts no new jobs, and waits for those that run",
        ("HUP",),
        "TERM",
        {"TERM": "tells its jobs, and kills them soon after"},
    ),
    Program(
        ("puma",),
        APPLICATION,
        "https://puma.io/puma/file.signals.html",
        ("TERM", "INT"),
        "",
        {
            "INT": "as TERM",
            "QUIT": "stops at once",
            "USR1": "restarts its workers one by one",
            "USR2": "restarts",
            "HUP": "reopens its logs",
        },
    ),
    Program(
        ("sidekiq",),
        APPLICATION,
        "https://github.com/sidekiq/sidekiq/wiki/Signals",
        ("TERM", "INT"),
        "",
        {"INT": "as TERM", "TSTP": "takes no new jobs"},
    ),
    Program(
        ("java",),
        APPLICATION,
        "https://docs.oracle.com/en/java/javase/17/troubleshoot/handle-signals-and-exceptions.html",
        ("TERM", "INT"),
        "",
        {"QUIT": "prints the stacks of its threads, and goes on", "HUP": "as TERM"},
    ),
    Program(
        ("uwsgi",),
        APPLICATION,
        "https://uwsgi-docs.readthedocs.io/en/latest/Management.html",
        ("TERM",),
        "",
        {
            "TERM": "reloads, unless die-on-term is set",
            "INT": "stops at once",
            "QUIT": "stops at once",
            "HUP": "reloads gracefully",
        },
    ),
    Program(
        ("runsvdir",),
        APPLICATION,
        "runsvdir(8)",
        ("TERM",),
        "",
        {"TERM": "exits; its services are told in the sweep", "HUP": "sends TERM to each service, and exits with 111"},
    ),
    Program(
        ("sudo",),
        PASSES_ON,
        "sudo(8), SIGNAL HANDLING",
    ),
    Program(
        ("uv", "foreman", "honcho", "overmind", "supervisord", "supervisor.supervisord", "pm2", "pm2-runtime"),
        PASSES_ON,
        "by their behaviour, see docs/programs.md",
    ),
    Program(
        ("su", "runuser"),
        HELD_BACK,
        "https://github.com/util-linux/util-linux/issues/443: they pass the signal on, and send SIGKILL 2 s later",
    ),
    Program(("script", "scriptlive"), HELD_BACK, "script(1): its child gets SIGTERM, and the session ends"),
    Program(("expect", "unbuffer"), HELD_BACK, "expect(1): its child gets SIGHUP when it ends"),
    Program(
        OF_NODE,
        HELD_BACK,
        "npm-cli: passes SIGTERM on, says nothing of SIGINT, and exits with a status of its own",
    ),
    Program(
        RUNNERS,
        HELD_BACK,
        "by their behaviour, see docs/programs.md: they pass the signal on, and leave at once",
    ),
    Program(("timeout",), HELD_BACK, "timeout(1): passes it on to its child and to its process group, so twice"),
    Program(("strace", "ltrace"), HELD_BACK, "strace(1): it lets go of its child, and ends"),
    Program(
        ("tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init"),
        HELD_BACK,
        "https://github.com/krallin/tini and its kin: a shell below them would die before its application",
    ),
)

#: The rows by name.
BY_NAME = {name: program for program in PROGRAMS for name in program.names}

#: Signals that ask some program to stop, and nothing of most others.
SPECIAL = frozenset(signals.number(name) for program in PROGRAMS for name in program.graceful) - {
    signals.signal.SIGTERM,
    signals.signal.SIGINT,
    signals.signal.SIGHUP,  # a reload, nearly everywhere
}


def _bare(word: str) -> str:
    """A program's name from a path, a title ("nginx: master process") or a name with a version ("php-fpm8.2")."""
    word = word.lstrip("[-").partition(":")[0].partition(" ")[0].rpartition("/")[2]
    is_whole = word in BY_NAME or not word[-1:].isdecimal()  # apache2, pm2
    return word if is_whole else word.rstrip("0123456789.").removesuffix("-")


def _script(words: "tuple[str, ...]") -> str:
    """The script or the module that an interpreter runs, or nothing."""
    is_of_shell = _bare(words[0]) in ("bash", "dash", "sh")
    at = 1
    while at < len(words):
        word = words[at]
        if word == "-m" or (word.startswith("-m") and len(word) > 2):  # noqa: PLR2004 - of python -mNAME
            return word[2:] or words[at + 1] if at + 1 < len(words) or word[2:] else ""
        if word in WITH_CODE or (is_of_shell and word.startswith("-") and word.endswith("c")):
            return ""  # what follows are its arguments: `sh -c 'exec "$@"' nginx`
        if not word.startswith("-"):
            return word
        at += 2 if word in WITH_WORD else 1
    return ""


def name_of(name: str, words: "tuple[str, ...]") -> str:
    """What a process is called: by the script that an interpreter runs, by its first word, or by its own name."""
    first = _bare(words[0]) if words else ""
    if first in INTERPRETERS:
        return _script(words).rpartition("/")[2] or first
    return first or _bare(name)


def find(name: str, words: "tuple[str, ...]") -> Program | None:
    """The row of a process, by its name (as `ps` shows it) and its command line; None for the programs that are not here."""
    called = name_of(name, words)
    if called not in BY_NAME:
        called = _bare(name)
    program = BY_NAME.get(called)
    is_script = bool(words) and _bare(words[0]) in INTERPRETERS
    if program is not None and program.what == HELD_BACK and is_script and called not in SCRIPTS:
        return None  # somebody's own script, by the name of `script` or `timeout`
    return program
