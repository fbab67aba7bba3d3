"""Programs: the table is sound, and real command lines find their rows; those of others do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyinit.delivery import programs
from pyinit.delivery.programs import APPLICATION, HELD_BACK, PASSES_ON, PROGRAMS, Program
from pyinit.kernel import signals
from pyinit.settings import config

EVERY = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.names[0])


# --- the table ---


def test_no_name_is_in_two_rows() -> None:
    names = [name for program in PROGRAMS for name in program.names]
    assert len(names) == len(set(names)) == len(programs.BY_NAME)


@EVERY
def test_every_signal_of_a_row_exists(program: Program) -> None:
    for name in (*program.graceful, *program.others, *([program.hurry] if program.hurry else [])):
        assert signals.number(name) > 0
        assert signals.name(signals.number(name)) == f"SIG{name}"


@EVERY
def test_every_row_says_what_it_is_by_whose_word_and_how_it_ends(program: Program) -> None:
    assert program.what in (APPLICATION, PASSES_ON, HELD_BACK)
    assert program.source
    assert program.graceful
    assert program.hurry not in program.graceful[:1]


@EVERY
def test_every_row_is_found_by_each_of_its_names_and_by_its_path(program: Program) -> None:
    for name in program.names:
        assert programs.find(name, (name,)) is program
        assert programs.find(name, (f"/usr/sbin/{name}", "-x")) is program
        assert programs.find(name, ()) is program, "where the command line may not be read"


@EVERY
def test_a_signal_that_does_as_the_graceful_one_is_graceful_too_so_that_the_status_is_its_own(program: Program) -> None:
    for name, effect in program.others.items():
        does_as = effect.removeprefix("as ").partition(";")[0].partition(",")[0] if effect.startswith("as ") else ""
        assert does_as not in program.graceful or name in program.graceful or name == "HUP"


@EVERY
def test_what_is_held_back_has_no_signal_of_its_own(program: Program) -> None:
    if program.what == HELD_BACK:
        assert (program.graceful, program.hurry, program.others) == (("TERM",), "", {})


def test_the_signals_that_may_ask_for_a_stop_are_those_of_the_table() -> None:
    assert programs.SPECIAL == config.MAY_ASK_FOR_STOP


def test_the_wrappers_that_are_scripts_are_in_the_table() -> None:
    assert programs.SCRIPTS.issubset(programs.BY_NAME)


# --- real command lines ---

NPM = "/usr/local/lib/node_modules/npm/bin/npm-cli.js"


@pytest.mark.parametrize(
    ("name", "words", "row"),
    [
        # by their paths and versions
        ("apache2", ("/usr/sbin/apache2", "-DFOREGROUND"), "apache2"),
        ("httpd", ("httpd", "-DFOREGROUND"), "apache2"),
        ("php-fpm8.2", ("/usr/sbin/php-fpm8.2", "-F"), "php-fpm"),
        ("postgres", ("/usr/lib/postgresql/15/bin/postgres", "-D", "/var/lib/postgresql/data"), "postgres"),
        ("haproxy", ("haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"), "haproxy"),
        ("java", ("/opt/java/openjdk/bin/java", "-jar", "/app.jar"), "java"),
        ("uwsgi", ("uwsgi", "--ini", "/app/uwsgi.ini"), "uwsgi"),
        ("pm2", ("pm2", "logs"), "uv"),
        # by their titles
        ("nginx", ("nginx: master process nginx -g daemon off;",), "nginx"),
        ("php-fpm8.2", ("php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)",), "php-fpm"),
        ("gunicorn", ("gunicorn: master [app:app]",), "gunicorn"),
        ("postgres", ("postgres: checkpointer ",), "postgres"),
        ("celery", ("[celeryd: celery@host:MainProcess] -active- (worker)",), "celery"),
        ("ruby", ("puma 6.4.2 (tcp://0.0.0.0:9292) [app]",), "puma"),
        ("ruby", ("sidekiq 7.2.4 app [0 of 5 busy]",), "sidekiq"),
        ("ruby", ("unicorn master -c /app/unicorn.rb",), "unicorn"),
        ("npm start", ("npm start",), "npm"),
        ("npm run build", ("npm run build",), "npm"),
        # by what an interpreter runs
        ("gunicorn", ("/usr/bin/python3", "/usr/local/bin/gunicorn", "app:app"), "gunicorn"),
        ("python3.11", ("/usr/bin/python3.11", "-u", "-m", "gunicorn", "app:app"), "gunicorn"),
        ("python3", ("python3", "-W", "ignore", "/usr/bin/gunicorn"), "gunicorn"),
        ("python3", ("python3", "-X", "dev", "-m", "celery", "-A", "jobs", "worker"), "celery"),
        ("python3", ("python3", "-m", "celery.bin.celery", "-A", "jobs", "worker"), "celery"),
        ("python3", ("python3", "-m", "huey.bin.huey_consumer", "jobs.huey"), "huey_consumer"),
        ("python3", ("python3", "-m", "gunicorn.app.wsgiapp", "app:app"), "gunicorn"),
        ("python", ("python", "-mcelery", "worker"), "celery"),
        ("python3", ("python3", "-m", "waitress", "app:app"), "waitress-serve"),
        ("python3", ("python3", "-m", "supervisor.supervisord", "-n"), "uv"),
        ("python3", ("python3", "-m", "honcho", "start"), "uv"),
        ("celery", ("/usr/local/bin/python3.12", "/usr/local/bin/celery", "-A", "jobs", "worker"), "celery"),
        ("python3", ("python3", "/usr/bin/huey_consumer.py", "jobs.huey"), "huey_consumer"),
        ("waitress-serve", ("/usr/bin/python3", "/usr/bin/waitress-serve", "app:app"), "waitress-serve"),
        ("supervisord", ("/usr/bin/python3", "/usr/bin/supervisord", "-n"), "uv"),
        ("ruby3.1", ("/usr/bin/ruby3.1", "/usr/bin/sidekiq"), "sidekiq"),
        ("perl", ("/usr/bin/perl", "/usr/bin/parallel", "echo"), "parallel"),
        ("node", ("node", NPM, "start"), "npm"),
        ("node", ("/usr/bin/node", "/usr/bin/yarn", "start"), "npm"),
        ("node", ("node", "--require", "dotenv", "/opt/yarn/bin/yarn.js"), "npm"),
        ("node", ("node", "/app/node_modules/.bin/nodemon", "server.js"), "concurrently"),
        ("node", ("node", "/usr/lib/node_modules/pm2/bin/pm2-runtime", "app.js"), "uv"),
        # wrappers
        ("timeout", ("timeout", "60", "app"), "timeout"),
        ("sudo", ("sudo", "-u", "app", "app"), "sudo"),
        ("su", ("su", "-c", "app", "app"), "su"),
        ("runuser", ("/sbin/runuser", "-u", "app", "--", "app"), "su"),
        ("script", ("script", "-qec", "app", "/dev/null"), "script"),
        ("expect", ("/usr/bin/expect", "-f", "login.exp"), "expect"),
        ("tini", ("/sbin/tini", "--", "app"), "tini"),
        ("docker-init", ("/sbin/docker-init", "--", "app"), "tini"),
    ],
)
def test_a_real_program_is_found_by_its_command_line(name: str, words: tuple[str, ...], row: str) -> None:
    program = programs.find(name, words)
    assert program is programs.BY_NAME[row]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("python3", ("python3", "script.py")),
        ("python3", ("python3", "expect.py")),
        ("python3", ("python3", "/app/nginx.py")),
        ("python3", ("python3", "/app/script")),
        ("script", ("/usr/bin/python3", "/app/script")),
        ("timeout", ("/bin/bash", "/usr/local/bin/timeout")),
        ("su", ("/bin/sh", "./su")),
        ("script.py", ("./script.py",)),
        ("node", ("node", "server.js")),
        ("node", ("node", "--require", "npm", "server.js")),
        ("python3", ("python3", "-W", "celery", "app.py")),
        ("python3", ("python3", "-c", "import app", "celery")),
        ("perl", ("perl", "-e", "print", "starman")),
        ("sh", ("sh", "-c", "nginx")),
        ("sh", ("sh", "-c", 'exec "$@"', "nginx")),
        ("bash", ("bash", "-lc", "exec /usr/sbin/nginx")),
        ("sh", ("/bin/sh", "-euxc", "/usr/bin/npm start", "npm")),
        ("python3", ("python3",)),
        ("python3", ("python3", "-m")),
        ("sh", ("-sh",)),
        ("redis-server", ("redis-server *:6379",)),
        ("app", ("app", "nginx")),
        ("my-nginx", ("my-nginx",)),
        ("nginx-exporter", ("nginx-exporter",)),
        ("app", ()),
        ("", ()),
    ],
)
def test_another_program_is_not_in_the_table(name: str, words: tuple[str, ...]) -> None:
    assert programs.find(name, words) is None


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("/bin/sleep", "60"), "sleep"),
        (("tail", "-f", "/dev/null"), "tail"),
        (("/usr/bin/python3", "/app/main.py"), "main.py"),
        (("python3", "-m", "http.server"), "http.server"),
        (("/usr/bin/python3.12", "-Im", "uvicorn", "app:app"), "uvicorn"),
        (("python3", "-O", "-m", "hypercorn", "app:app"), "hypercorn"),
        (("python3", "-m", "rq.cli", "worker"), "rq.cli"),
        (("python3", "-m", "dramatiq", "jobs"), "dramatiq"),
        (("bash", "-c", "sleep 1"), "bash"),
        (("-bash",), "bash"),
        (("python3.11",), "python"),
        ((), "comm"),
    ],
)
def test_a_process_is_called_by_what_runs(words: tuple[str, ...], name: str) -> None:
    assert programs.name_of("comm", words) == name


@given(
    st.text(max_size=20), st.lists(st.text(max_size=12) | st.sampled_from(["python3", "-m", "-c", "-", "sh", ""]), max_size=5)
)
def test_whatever_a_command_line_holds_there_is_an_answer(name: str, words: list[str]) -> None:
    found = programs.find(name, tuple(words))
    assert found is None or found in PROGRAMS
    assert isinstance(programs.name_of(name, tuple(words)), str)
