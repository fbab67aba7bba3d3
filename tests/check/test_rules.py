"""Rules at their edges: what is found, and what looks like it and is right, or cannot be known."""

from pathlib import Path

import pytest

from pyinit.check import commands
from pyinit.check.pages.orchestrator import PROBE
from pyinit.check.pages.rule import INGRESS, PORT, SERVICE, deployment
from pyinit.check.pages.stops import OURS, compose
from pyinit.delivery import programs
from tests.check.checked import findings, rules

START = 'FROM debian:bookworm-slim\nCOPY start.sh /\nCMD ["/start.sh"]\n'


def by_script(text: str, shebang: str = "#!/bin/sh") -> dict[str, str]:
    return {"Dockerfile": START, "start.sh": f"{shebang}\n{text}"}


def by_compose(*lines: str, command: str = 'CMD ["/app"]\n') -> dict[str, str]:
    """A service of our own image, and these lines."""
    return {"Dockerfile": OURS + command, "compose.yaml": compose(*lines)}


def variables(**values: str) -> str:
    """The variables of a container."""
    return "env:\n" + "".join(f'  - {{name: {name}, value: "{value}"}}\n' for name, value in values.items())


FILES: dict[str, tuple[dict[str, str], list[str]]] = {
    # --- image ---
    "a one-shot command in shell form": ({"Dockerfile": "FROM debian\nCMD echo hello && ls\n"}, []),
    "a tool in shell form": ({"Dockerfile": "FROM debian\nCMD mytool --verbose\n"}, []),
    "the same with a port": ({"Dockerfile": "FROM debian\nEXPOSE 80\nCMD mytool --verbose\n"}, ["Dockerfile:3 PI101"]),
    "a shell form with SHELL bash": ({"Dockerfile": 'FROM debian\nSHELL ["/bin/bash", "-c"]\nCMD gunicorn a:b\n'}, []),
    "sh made bash": ({"Dockerfile": "FROM debian\nRUN ln -sf /bin/bash /bin/sh\nCMD gunicorn a:b\n"}, []),
    "a shell form behind tini": (
        {"Dockerfile": 'FROM debian\nENTRYPOINT ["tini", "--"]\nCMD gunicorn a:b\n'},
        ["Dockerfile:3 PI101"],
    ),
    "a shell form with something behind the server": (
        {"Dockerfile": "FROM debian\nCMD gunicorn a:b; echo the end\n"},
        ["Dockerfile:2 PI101"],
    ),
    "a shell form with something behind what is no server": ({"Dockerfile": "FROM debian\nCMD migrate; echo the end\n"}, []),
    "a script that says how its command has ended": (
        {
            "Dockerfile": 'FROM debian\nCOPY run.sh /\nENTRYPOINT ["tini", "--"]\nCMD ["/run.sh", "gunicorn", "a:b"]\n',
            "run.sh": '#!/bin/sh\n"$@"\nstatus=$?\necho $status\nexit $status\n',
        },
        ["run.sh:2 PI201"],
    ),
    "the same with a task": (
        {
            "Dockerfile": 'FROM debian\nCOPY run.sh /\nCMD ["/run.sh", "migrate"]\n',
            "run.sh": '#!/bin/sh\n"$@"\nstatus=$?\necho $status\nexit $status\n',
        },
        [],
    ),
    "php-fpm, which goes into the background by its file": (
        {
            "Dockerfile": 'FROM debian\nSTOPSIGNAL QUIT\nCOPY run.sh /\nCMD ["/run.sh"]\n',
            "run.sh": "#!/bin/sh\nphp-fpm8.2 -y /fpm.conf\nexec nginx -g 'daemon off;'\n",
        },
        [],
    ),
    "php-fpm in the foreground before another server": (
        {
            "Dockerfile": 'FROM debian\nSTOPSIGNAL QUIT\nCOPY run.sh /\nCMD ["/run.sh"]\n',
            "run.sh": "#!/bin/sh\nphp-fpm8.2 -F -y /fpm.conf\nexec nginx -g 'daemon off;'\n",
        },
        ["run.sh:2 PI201"],
    ),
    "an exec in one branch, and a task in the other": (
        {"Dockerfile": "FROM debian\nCMD if [ $X ]; then exec gunicorn a:b; else echo no; fi\n"},
        [],
    ),
    "npm for a build": ({"Dockerfile": 'FROM node\nCMD ["npm", "test"]\n'}, []),
    "npm behind pyinit": ({"Dockerfile": OURS + 'CMD ["npm", "start"]\n'}, []),
    "a stop signal by number": ({"Dockerfile": 'FROM debian\nSTOPSIGNAL 9\nCMD ["/app"]\n'}, ["Dockerfile:2 PI105"]),
    "memcached has nothing to lose": ({"Dockerfile": 'FROM debian\nCMD ["memcached", "-m", "64"]\n'}, []),
    "postgres waits at TERM": ({"Dockerfile": 'FROM debian\nCMD ["postgres"]\n'}, []),
    "gunicorn and QUIT of its base": ({"Dockerfile": 'FROM nginx\nCMD ["gunicorn", "a:b"]\n'}, ["Dockerfile:2 PI104"]),
    "nginx behind pyinit": ({"Dockerfile": OURS + 'CMD ["nginx", "-g", "daemon off;"]\n'}, []),
    "nginx that is only tested": ({"Dockerfile": 'FROM debian\nCMD ["nginx", "-t"]\n'}, []),
    "the stop signal of a manifest": (
        {"Dockerfile": 'FROM nginx\nCMD ["nginx", "-g", "daemon off;"]\n', "compose.yaml": compose("stop_signal: SIGTERM")},
        ["Dockerfile:2 PI104"],
    ),
    "two inits in one image": (
        {"Dockerfile": 'FROM debian\nENTRYPOINT ["tini", "--", "dumb-init", "/app"]\n'},
        ["Dockerfile:2 PI108"],
    ),
    "an ENTRYPOINT in shell form that passes its arguments on": (
        {"Dockerfile": 'FROM alpine\nENTRYPOINT exec app $0 $@\nCMD ["--x"]\n'},
        [],
    ),
    # --- scripts ---
    "a script that ends in a task": (by_script("set -e\npython manage.py migrate\n"), []),
    "an unknown program and no sign of a service": (by_script("frobnicate --all\n"), []),
    "an unknown program on a port": (by_script("frobnicate --listen :80\n"), ["start.sh:2 PI201"]),
    "arguments without exec, and no service": (by_script('echo "$1"\n"$@"\n'), []),
    "an exit behind it": (by_script("gunicorn a:b\nexit $?\n"), ["start.sh:2 PI201"]),
    "variables in front": (by_script("A=1 gunicorn a:b\n"), ["start.sh:2 PI201"]),
    "a program by a variable": (by_script("$SERVER --port 80\n"), []),
    "sourced files and exec": (by_script(". /env\nset -a; . ./x; set +a\nexec gunicorn a:b\n"), []),
    "nginx that puts itself in the background": (by_script("nginx\nexec gunicorn a:b\n"), []),
    "a subshell": (by_script("(cd /srv && gunicorn a:b)\n"), ["start.sh:2 PI201"]),
    "a pipeline": (by_script("gunicorn a:b | tee /log\n"), ["start.sh:2 PI201"]),
    "an EXIT trap of bash that waits": (
        by_script("trap 'kill $(jobs -p); wait' EXIT\ngunicorn a:b &\nwait\n", "#!/bin/bash"),
        [],
    ),
    "the same in sh": (by_script("trap 'kill $(jobs -p); wait' EXIT\ngunicorn a:b &\nwait\n"), ["start.sh:3 PI201"]),
    "a trap that ignores": (by_script("trap '' TERM\nexec gunicorn a:b\n"), []),
    "a trap and short sleeps in a loop": (by_script("trap 'exit 0' TERM\nwhile true; do work; sleep 5; done\n"), []),
    "a trap and a long sleep in a loop": (
        by_script("trap 'exit 0' TERM\nwhile true; do work; sleep 3600; done\n"),
        ["start.sh:3 PI203"],
    ),
    "a trap above a pipeline in the foreground": (by_script("trap 'x' TERM\ngunicorn a:b | tee log\n"), ["start.sh:3 PI203"]),
    "a trap above a pipeline in the background": (
        by_script("trap 'kill $p; wait $p' TERM\ngunicorn a:b | tee log &\np=$!\nwait $p\n"),
        [],
    ),
    "a trap that waits in a function": (
        by_script("stop() { kill $p; wait $p; }\ntrap stop TERM\ngunicorn a:b &\np=$!\nwait $p\n"),
        [],
    ),
    "a trap by a function that does not": (
        by_script("stop() { kill $p; }\ntrap stop TERM\ngunicorn a:b &\np=$!\nwait $p\n"),
        ["start.sh:6 PI204"],
    ),
    "a trap that calls what nobody knows": (by_script("trap 'kill $p; drain' TERM\ngunicorn a:b &\np=$!\nwait $p\n"), []),
    "fg of job control": (by_script("set -m\ngunicorn a:b &\nsetup-it\nfg %1\n", "#!/bin/bash"), []),
    "a loop that waits for a database": (by_script("until pg_isready; do sleep 1; done\nexec gunicorn a:b\n"), []),
    "a loop that leaves": (by_script("while true; do gunicorn a:b && break; sleep 1; done\n"), []),
    "until the program ends well": (by_script("until gunicorn a:b; do sleep 1; done\n"), ["start.sh:2 PI207"]),
    "exec under a condition and code behind": (by_script('if [ "$X" ]; then exec bash; fi\nexec gunicorn a:b\n'), []),
    "exec with only an error behind": (by_script("exec gunicorn a:b\necho failed >&2\nexit 1\n"), []),
    "exec of redirections": (by_script("exec 2>&1\nexec > /log\nexec gunicorn a:b\n"), []),
    "a script that is not understood": (by_script("if true; then\ngunicorn a:b\n"), []),
    "a script of another interpreter": (by_script("import os\n", "#!/usr/bin/env python3"), []),
    "a Job": (
        {
            "Dockerfile": "FROM registry.example.org/x\nCOPY start.sh /\n# docker build -t job .\n",
            "start.sh": "#!/bin/sh\ngunicorn a:b\n",
            "job.yaml": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\nspec:\n  template:\n"
            "    spec:\n      containers:\n"
            '        - {name: x, image: job, command: ["/start.sh"]}\n',
        },
        [],
    ),
    # --- times ---
    "a delay that fits": (by_compose("stop_grace_period: 10s", "environment: {PYINIT_PRE_STOP_DELAY: 8}"), []),
    "a delay that just does not": (
        by_compose("stop_grace_period: 10s", "environment: {PYINIT_PRE_STOP_DELAY: 8.5}"),
        ["compose.yaml:4 PI301"],
    ),
    "the default of Compose": (by_compose("environment: {PYINIT_PRE_STOP_DELAY: 9}"), ["compose.yaml:4 PI301"]),
    "a delay that is a variable of the host": (by_compose("environment: {PYINIT_PRE_STOP_DELAY: '${DELAY}'}"), []),
    "a grace period that is a variable": (
        by_compose("stop_grace_period: ${G}", "environment: {PYINIT_PRE_STOP_DELAY: 90}"),
        [],
    ),
    "auto divides the time that it is told of": (
        by_compose("stop_grace_period: 30s", "environment: {PYINIT_PRE_STOP_DELAY: auto, PYINIT_STOP_TIMEOUT: 30}"),
        [],
    ),
    "and is told of too much": (
        by_compose("stop_grace_period: 10s", "environment: {PYINIT_PRE_STOP_DELAY: auto, PYINIT_STOP_TIMEOUT: 60}"),
        ["compose.yaml:4 PI301"],
    ),
    "variables from a file": (
        by_compose("env_file: .env", "environment: {PYINIT_PRE_STOP_DELAY: auto}", "stop_grace_period: 30s"),
        [],
    ),
    "a grace period in another file": (
        {
            "Dockerfile": "FROM ruby:3.3\n",
            "docker-compose.yml": "services:\n  w:\n    build: .\n    command: bundle exec sidekiq\n",
            "docker-compose.prod.yml": "services:\n  w:\n    stop_grace_period: 40s\n",
        },
        [],
    ),
    "Sidekiq with a file of its own": (
        {**by_compose("command: bundle exec sidekiq -C config/x.yml"), "Dockerfile": "FROM ruby:3.3\n"},
        [],
    ),
    "gunicorn's default is not held against Compose's": (by_compose(command='CMD ["gunicorn", "a:b"]\n'), []),
    "gunicorn by its variable": (
        by_compose("environment: {GUNICORN_CMD_ARGS: --graceful-timeout=40}", command='CMD ["gunicorn", "a:b"]\n'),
        ["compose.yaml:4 PI303"],
    ),
    "gunicorn by its file": (
        {
            **by_compose(command='COPY gunicorn.conf.py /\nCMD ["gunicorn", "a:b"]\n'),
            "gunicorn.conf.py": "graceful_timeout = 45\n",
        },
        ["gunicorn.conf.py:1 PI303"],
    ),
    "an unknown image whose manifest sets pyinit's variables": (
        {"deploy.yaml": deployment(variables(PYINIT_PRE_STOP_DELAY="20", PYINIT_GRACE_PERIOD="15"))},
        ["deploy.yaml:16 PI301"],
    ),
    "the same with time enough": (
        {"deploy.yaml": deployment(variables(PYINIT_PRE_STOP_DELAY="10", PYINIT_GRACE_PERIOD="15"))},
        [],
    ),
    "auto in an unknown image, which may say the rest": (
        {"deploy.yaml": deployment(variables(PYINIT_PRE_STOP_DELAY="auto"), "terminationGracePeriodSeconds: 15")},
        [],
    ),
    "auto in an unknown image, and all is said": (
        {
            "deploy.yaml": deployment(
                variables(PYINIT_PRE_STOP_DELAY="auto", PYINIT_PRE_STOP_MAX="20", PYINIT_STOP_TIMEOUT="60"),
                "terminationGracePeriodSeconds: 15",
            )
        },
        ["deploy.yaml:12 PI301"],
    ),
    "two delays in an unknown image": (
        {"deploy.yaml": deployment(variables(PYINIT_PRE_STOP_DELAY="5") + "lifecycle: {preStop: {sleep: {seconds: 5}}}\n")},
        ["deploy.yaml:17 PI305"],
    ),
    "a minimum below that of an ALB": (
        {
            "deploy.yaml": deployment(
                variables(PYINIT_PRE_STOP_DELAY="auto", PYINIT_PRE_STOP_MIN="5") + PORT + PROBE,
                "",
                "minReadySeconds: 9",
                SERVICE,
                INGRESS,
            )
        },
        ["deploy.yaml:18 PI501"],
    ),
    "no delay known behind an ALB, and an unknown image": (
        {"deploy.yaml": deployment(PORT + PROBE, "", "minReadySeconds: 9", SERVICE, INGRESS)},
        [],
    ),
    "no delay behind an ALB, and a known image": (
        {
            "Dockerfile": 'FROM python:3.12-slim\nCMD ["gunicorn", "a:b"]\n# docker build -t example.org/shop .\n',
            "deploy.yaml": deployment(PORT + PROBE, "", "minReadySeconds: 9", SERVICE, INGRESS),
        },
        ["deploy.yaml:14 PI501"],
    ),
    **{
        f"{name} says its own time": ({**by_compose(command=command), **more}, [f"{place} PI303"])
        for name, command, more, place in (
            ("uvicorn", 'CMD ["uvicorn", "a:b", "--timeout-graceful-shutdown=30"]\n', {}, "Dockerfile:4"),
            ("hypercorn", 'CMD ["hypercorn", "--graceful-timeout", "30", "a:b"]\n', {}, "Dockerfile:4"),
            (
                "Spring by an option",
                'CMD ["java", "-Dspring.lifecycle.timeout-per-shutdown-phase=30s", "-jar", "a"]\n',
                {},
                "Dockerfile:4",
            ),
            (
                "Spring by ISO",
                'CMD ["java", "-jar", "a", "--spring.lifecycle.timeout-per-shutdown-phase=PT30S"]\n',
                {},
                "Dockerfile:4",
            ),
            (
                "nginx",
                'COPY nginx.conf /etc/nginx/\nCMD ["nginx", "-g", "daemon off;"]\n',
                {"nginx.conf": "events {}\nworker_shutdown_timeout 30s;\n"},
                "nginx.conf:2",
            ),
            (
                "Celery",
                'COPY celeryconfig.py /\nCMD ["celery", "-A", "a", "worker"]\n',
                {"celeryconfig.py": "worker_soft_shutdown_timeout = 30.0\n"},
                "celeryconfig.py:1",
            ),
            (
                "php-fpm",
                'COPY fpm.conf /etc/\nCMD ["php-fpm"]\n',
                {"fpm.conf": "[global]\nprocess_control_timeout = 30s\n"},
                "fpm.conf:2",
            ),
        )
    },
    "Spring in milliseconds": (
        by_compose(command='CMD ["java", "-jar", "a", "--spring.lifecycle.timeout-per-shutdown-phase=9000"]\n'),
        [],
    ),
    "a hook that sleeps in a shell": (
        {"deploy.yaml": deployment('lifecycle: {preStop: {exec: {command: ["sh", "-c", "nginx -s quit; sleep 31"]}}}')},
        ["deploy.yaml:15 PI302"],
    ),
    "a hook that nobody can time": ({"deploy.yaml": deployment('lifecycle: {preStop: {exec: {command: ["/drain.sh"]}}}')}, []),
    # --- orchestrator ---
    "a patch of Kustomize": (
        {
            "patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  template:\n"
            "    spec:\n      containers:\n"
            '        - {name: x, lifecycle: {preStop: {exec: {command: ["sleep", "40"]}}}}\n'
        },
        [],
    ),
    "a command that starts pyinit itself": (
        {
            "Dockerfile": OURS + "# docker build -t example.org/shop .\n",
            "deploy.yaml": deployment('command: ["pyinit", "--", "gunicorn", "a:b"]'),
        },
        [],
    ),
    "variables of pyinit, an unknown image, and a command": (
        {"deploy.yaml": deployment('command: ["gunicorn", "a:b"]\nenv: [{name: PYINIT_PRE_STOP_DELAY, value: "5"}]')},
        ["deploy.yaml:15 PI402"],
    ),
    "a sidecar without a port needs no readiness": (
        {
            "deploy.yaml": deployment(PORT + PROBE, "", "", SERVICE).replace(
                "      containers:\n", "      containers:\n        - {name: logs, image: fluent-bit}\n"
            )
        },
        [],
    ),
    "liveness that is more patient": (
        {
            "deploy.yaml": deployment(
                PORT + PROBE + "livenessProbe: {httpGet: {path: /ready, port: 8080}, failureThreshold: 9}\n", "", "", SERVICE
            )
        },
        [],
    ),
    "TCP for something that is no web": (
        {"deploy.yaml": deployment(PORT + "readinessProbe: {tcpSocket: {port: 8080}}\n", "", "", SERVICE)},
        [],
    ),
    "TCP behind an Ingress": (
        {
            "deploy.yaml": deployment(
                PORT + "readinessProbe: {tcpSocket: {port: 8080}}\n", "", "", SERVICE, INGRESS.replace("alb", "nginx")
            )
        },
        ["deploy.yaml:16 PI403"],
    ),
    "maxUnavailable where an autoscaler sets the number": (
        {
            "deploy.yaml": deployment(
                "",
                "",
                "replicas: 1\nstrategy: {rollingUpdate: {maxUnavailable: 1}}",
                "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: x}\nspec: {scaleTargetRef: "
                "{name: shop}}\n",
            )
        },
        [],
    ),
    "a quarter of three": (
        {"deploy.yaml": deployment("", "", "replicas: 3\nstrategy: {rollingUpdate: {maxUnavailable: 25%}}")},
        [],
    ),
    "all by per cent": (
        {"deploy.yaml": deployment("", "", "strategy: {rollingUpdate: {maxUnavailable: 100%}}")},
        ["deploy.yaml:8 PI406"],
    ),
    "an ALB that sends to nodes": (
        {"deploy.yaml": deployment(PORT + PROBE, "", "", SERVICE, INGRESS.replace("type: ip", "type: instance"))},
        [],
    ),
    "stages in folders of their own": (
        {
            "dev/deploy.yaml": deployment(PORT + PROBE),
            "prod/deploy.yaml": deployment(
                PORT + PROBE + "lifecycle: {preStop: {sleep: {seconds: 25}}}\n", "terminationGracePeriodSeconds: 60"
            ),
            "prod/rest.yaml": SERVICE + "---\n" + INGRESS,
        },
        ["prod/deploy.yaml:5 PI411"],
    ),
    "Quadlet's defaults": ({"x.container": "[Container]\nImage=a\n"}, []),
    "Quadlet with the time in PodmanArgs": (
        {"x.container": "[Container]\nImage=a\nPodmanArgs=--stop-timeout=100\n"},
        ["x.container:1 PI412"],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_just_this_is_found(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, expected = FILES[name]
    (tmp_path / ".git").mkdir()
    assert rules(tmp_path, files, monkeypatch) == expected


def test_what_is_said_of_programs_is_the_table_of_the_delivery() -> None:
    wrappers = {name for row in programs.PROGRAMS if row.what != programs.APPLICATION for name in row.names}
    assert set(commands.STAYING) <= wrappers
    assert set(commands.INITS) <= wrappers
    applications = {name for row in programs.PROGRAMS if row.what == programs.APPLICATION for name in row.names}
    assert applications - {"parallel"} <= commands.SERVERS


@pytest.mark.parametrize(
    ("words", "inner"),
    [
        (["env", "-u", "A", "B=1", "app"], ["app"]),
        (["gosu", "me", "app", "x"], ["app", "x"]),
        (["exec", "-a", "name", "app"], ["app"]),
        (["nice", "-n", "5", "app"], ["app"]),
        (["bundle", "exec", "puma"], ["puma"]),
        (["bundle", "install"], ["bundle", "install"]),
        (["chpst", "-u", "app", "app"], ["app"]),
        (["nohup", "env", "app"], ["app"]),
        (["env"], ["env"]),
        ([None, "x"], [None, "x"]),
    ],
)
def test_programs_that_execute_theirs_are_looked_through(words: list[str | None], inner: list[str | None]) -> None:
    assert list(commands.inside(words)) == inner


@pytest.mark.parametrize(
    ("line", "short", "server"),
    [
        ("gunicorn a:b", False, True),
        ("python3 -m gunicorn a:b", False, True),
        ("python manage.py migrate", True, False),
        ("python manage.py runserver 0:80", False, True),
        ("npm ci", True, False),
        ("npm run start:prod", False, True),
        ("npx prisma migrate deploy", True, False),
        ("npx nodemon index.js", False, False),
        ("bundle exec rails db:migrate", True, False),
        ("bundle exec rails server", False, True),
        ("nginx -s reload", True, False),
        ("java -jar app.jar", False, True),
        ("curl http://x", True, False),
        ("/opt/app/wait-for-it.sh db:5432", True, False),
        ("php artisan migrate --force", True, False),
        ("frobnicate", False, False),
    ],
)
def test_short_commands_and_servers_are_told_apart(line: str, short: bool, server: bool) -> None:
    words = line.split()
    assert (commands.is_short(words), commands.is_server(words)) == (short, server)


@pytest.mark.parametrize(
    ("check", "target"),
    [
        ("curl -fsk https://localhost:8443/healthz || exit 1", "https://localhost:8443/healthz"),
        ('["curl", "--fail", "http://127.0.0.1:9000/up"]', "http://127.0.0.1:9000/up"),
        ("wget -q --spider 'http://localhost/'", "http://localhost/"),
        ("grpc_health_probe -addr=:50051", "grpc:50051"),
        ('["grpc_health_probe", "-addr=localhost:50051", "-connect-timeout", "1s"]', "grpc:50051"),
        ("grpc_health_probe -tls -addr=:50051", "tcp:50051"),
        ("nc -z -w 1 127.0.0.1 6379", "tcp:6379"),
        ('["nc", "-z", "localhost", "6379"]', "tcp:6379"),
        ("curl -f http://web:8080/", "http://127.0.0.1:8080/"),
        ("curl -f http://localhost:$PORT/", "http://127.0.0.1:8080/"),
    ],
)
def test_where_the_tool_of_a_check_is_missing_pyinit_is_to_ask_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str, target: str
) -> None:
    files = {"Dockerfile": f'FROM debian:bookworm-slim\nHEALTHCHECK --interval=5s CMD {check}\nCMD ["/app"]\n'}
    (mend,) = [one.mend for one in findings(tmp_path, files, monkeypatch) if one.rule == "PI107"]
    of_tls = " (the static binary has no TLS, and asks tcp:8443)" if target.startswith("https:") else ""
    assert mend == f"install it, or ask with `pyinit --probe {target}`{of_tls}"
