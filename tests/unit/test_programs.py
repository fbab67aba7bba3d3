"""The table of well-known programs: what it says of itself, and whom it knows by a command line."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit import signals
from pyinit.config import MAY_ASK_FOR_STOP
from pyinit.delivery.programs import APPLICATION, HELD_BACK, PASSES_ON, PROGRAMS, SPECIAL, Program, find, name_of


def test_each_name_is_in_one_row() -> None:
    names = Counter(name for program in PROGRAMS for name in program.names)
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.names[0])
def test_every_signal_of_the_table_exists(program: Program) -> None:
    wanted = [*program.graceful, *program.others, *filter(None, [program.hurry])]
    assert all(signals.number(name) in signals.ALL for name in wanted)
    assert all(hasattr(signals.signal, f"SIG{name}") for name in wanted)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.names[0])
def test_each_row_says_what_it_is_and_from_where(program: Program) -> None:
    assert program.what in (APPLICATION, PASSES_ON, HELD_BACK)
    assert program.source
    assert program.graceful
    assert program.hurry not in program.graceful[:1]


def test_the_special_signals_are_those_that_may_ask_for_a_stop() -> None:
    assert SPECIAL == MAY_ASK_FOR_STOP


@pytest.mark.parametrize(
    ("name", "words", "known"),
    [
        ("nginx", ("nginx: master process nginx -g daemon off;",), "nginx"),
        ("php-fpm8.2", ("php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)",), "php-fpm"),
        ("php-fpm8.2", ("/usr/sbin/php-fpm8.2", "-F"), "php-fpm"),
        ("apache2", ("/usr/sbin/apache2", "-D", "FOREGROUND"), "apache2"),
        ("haproxy", ("haproxy", "-W", "-f", "/etc/haproxy.cfg"), "haproxy"),
        ("postgres", ("/usr/lib/postgresql/15/bin/postgres", "-D", "/data"), "postgres"),
        ("gunicorn", ("/usr/bin/python3", "/usr/bin/gunicorn", "web:app"), "gunicorn"),
        ("gunicorn", ("gunicorn: master [web:app]",), "gunicorn"),
        ("celery", ("/usr/bin/python3.11", "/usr/local/bin/celery", "-A", "work", "worker"), "celery"),
        ("python3", ("python3", "-m", "celery", "worker"), "celery"),
        ("python3", ("python3", "-mcelery", "worker"), "celery"),
        ("python3", ("python3", "-u", "-W", "ignore", "/venv/bin/gunicorn", "web:app"), "gunicorn"),
        ("ruby", ("ruby3.1", "/usr/bin/unicorn", "-p", "80"), "unicorn"),
        ("node", ("node", "/usr/bin/npm", "start"), "npm"),
        ("npm start", ("npm start", "", ""), "npm"),
        ("MainThread", ("node", "/usr/lib/node_modules/npm/bin/npm-cli.js", "start"), "npm"),
        ("timeout", ("timeout", "60", "app"), "timeout"),
        ("java", ("/opt/java/bin/java", "-jar", "app.jar"), "java"),
        ("su", ("su", "-", "app", "-c", "run"), "su"),
    ],
)
def test_a_real_program_is_known(name: str, words: tuple[str, ...], known: str) -> None:
    found = find(name, words)
    assert found is not None
    assert known in found.names


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("python3", ("python3", "script.py")),
        ("python3", ("python3", "/app/expect.py")),
        ("python3", ("python3", "/app/script")),
        ("python3", ("python3", "-m", "timeout")),
        ("script", ("/usr/bin/python3", "/app/script")),
        ("python3", ("python3", "nginx.py")),
        ("python3", ("python3", "-c", "celery")),
        ("python3", ("python3",)),
        ("node", ("node", "server.js")),
        ("app", ("app", "nginx")),
        ("app", ()),
        ("", ()),
    ],
)
def test_the_program_of_a_user_is_not(name: str, words: tuple[str, ...]) -> None:
    assert find(name, words) is None


@given(st.text(), st.lists(st.text() | st.sampled_from(["python3", "node", "-m", "-mx", "-W", "-", "/", "npm"])).map(tuple))
def test_no_command_line_is_too_odd(name: str, words: tuple[str, ...]) -> None:
    found = find(name, words)
    assert found is None or found in PROGRAMS
    assert isinstance(name_of(name, words), str)
