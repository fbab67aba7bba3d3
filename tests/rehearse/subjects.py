"""Images of Debian's programs with known faults put in, and what a rehearsal must call these."""

from dataclasses import dataclass

from docker import DockerClient

from pyinit.rehearse import advice
from tests.docker.engine import build

#: The image, what it is built from, and the label that finds those which a newer build has replaced.
IMAGE = "pyinit-rehearse/subjects"
DOCKERFILE = "tests/rehearse/images/subjects.Dockerfile"
CONTEXT = ["*", "!tests/rehearse/images", "**/__pycache__"]
LABEL = "pyinit.rehearse.image"


@dataclass(frozen=True)
class Subject:
    """One image. `options` are those of pyinit-rehearse, `command` what the image runs.

    `fault`: which one was put in, in words. `named`: what the rehearsal must call it. `rule`: of pyinit-check, that must be
    proposed. `cured`: whether nothing may be lost with pyinit in front. `left`: a fault that must still be named there.
    """

    name: str
    fault: str
    named: str
    command: tuple[str, ...]
    options: tuple[str, ...] = ()
    cured: bool = True
    left: str = ""
    rule: str = ""


def words(text: str) -> tuple[str, ...]:
    """The words of a command."""
    return tuple(text.split())


GUNICORN = "gunicorn --bind 0.0.0.0:8000 --workers 4 --log-level error web:app"
SHELL = ("/bin/sh", "-c")
PORT = ("--port", "8000")

SUBJECTS = (
    Subject(
        "gunicorn, shell form",
        "the shell of a CMD in shell form is PID 1, and requests are under way when the time is over",
        advice.DROPPED,
        (*SHELL, f"{GUNICORN}; echo the end"),
        (*PORT, "--slow", "/slow"),
        rule="PI101",
    ),
    Subject(
        "gunicorn, start script below tini",
        "the script has no exec",
        advice.STRANDED,
        ("tini", "--", "/app/start.sh", *words(GUNICORN)),
        PORT,
        rule="PI201",
    ),
    Subject(
        "gunicorn, start script below dumb-init",
        "the script has no exec",
        advice.BEHEADED,
        ("dumb-init", "/app/start.sh", *words(GUNICORN)),
        PORT,
        rule="PI201",
    ),
    Subject(
        "gunicorn, exec form",
        "it closes its port before the routers know",
        advice.TOO_SOON,
        words(GUNICORN),
        PORT,
    ),
    Subject(
        "gunicorn, slow to start",
        "its port is open long before it can serve, and there is no HEALTHCHECK",
        advice.EARLY,
        words("gunicorn --bind 0.0.0.0:8000 --workers 1 --threads 8 --log-level error web:early"),
        (*PORT, "--as", "swarm"),
        cured=False,
        left=advice.EARLY,
    ),
    Subject(
        "gunicorn, over TLS",
        "it closes its port before the routers know",
        advice.TOO_SOON,
        ("/app/with-tls.sh", *words("gunicorn --bind 0.0.0.0:8000 --workers 4 --log-level error web:app")),
        PORT,
    ),
    Subject(
        "uvicorn, exec form",
        "it closes its port before the routers know",
        advice.TOO_SOON,
        words("uvicorn --host 0.0.0.0 --port 8000 --log-level error web:asgi"),
        PORT,
    ),
    Subject(
        "a server of asyncio",
        "it closes kept connections under their next request",
        advice.UNDER_REQUEST,
        words("python3 /app/closer.py"),
        PORT,
    ),
    Subject(
        "nginx and php-fpm",
        "STOPSIGNAL is SIGTERM, at which nginx cuts its requests",
        advice.WRONG_SIGNAL,
        ("/app/with-php.sh",),
        (*PORT, "--slow", "/slow"),
        rule="PI104",
    ),
    Subject(
        "apache2",
        "STOPSIGNAL is SIGTERM, at which apache2 cuts its requests",
        advice.WRONG_SIGNAL,
        ("/app/behind.sh", *words("apache2 -f /app/apache.conf -DFOREGROUND")),
        (*PORT, "--slow", "/slow"),
        rule="PI104",
    ),
    Subject(
        "haproxy",
        "STOPSIGNAL is SIGTERM, at which HAProxy cuts its requests",
        advice.WRONG_SIGNAL,
        ("/app/behind.sh", *words("haproxy -W -db -f /app/haproxy.cfg")),
        (*PORT, "--slow", "/slow"),
        rule="PI104",
    ),
    Subject(
        "Node",
        "it is PID 1, and nothing is done about SIGTERM",
        advice.DROPPED,
        words("node /app/server.js"),
        PORT,
    ),
    Subject(
        "Java",
        "its shutdown hook needs 8 s, and 5 are allowed",
        advice.SHORT_GRACE,
        words("java -cp /app Server"),
        (*PORT, "--grace", "5"),
        cured=False,
        left=advice.SHORT_GRACE,
    ),
    Subject(
        "Go",
        "nothing is done about SIGTERM, so Go's runtime ends it at once",
        advice.TOO_SOON,
        words("/app/go-server"),
        PORT,
    ),
    Subject(
        "Celery",
        "the shell of a CMD in shell form is PID 1; there is no port",
        advice.DROPPED,
        (*SHELL, "python3 jobs.py; celery --app jobs worker --pool threads --concurrency 3 --loglevel WARNING; echo the end"),
        ("--unit-begin", r"job (\d+) begins", "--unit-end", r"job (\d+) ends"),
        rule="PI101",
    ),
    Subject(
        "PostgreSQL, over TCP",
        "it is below a start script",
        advice.DROPPED,
        ("/app/postgres.sh",),
        ("--port", "5432", "--env", "LANG=C.UTF-8"),
    ),
    Subject(
        "gRPC",
        "it stops at once, and cancels what is in flight",
        advice.TOO_SOON,
        words("python3 /app/health.py"),
        PORT,
    ),
    Subject(
        "WebSockets",
        "it leaves its connections without a word",
        advice.TOO_SOON,
        words("python3 /app/echo.py"),
        PORT,
    ),
)


def build_image(client: DockerClient) -> None:
    """Build the image; the engine's cache makes it quick where nothing has changed."""
    build(client, DOCKERFILE, IMAGE, {LABEL: "subjects"}, CONTEXT)
