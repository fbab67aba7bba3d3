"""The pages of PI1..."""

from pyinit.check.model import ERROR, INFO, WARNING
from pyinit.check.pages.rule import SAFE, UNSAFE, Rule

RULES = (
    Rule(
        "PI101",
        ERROR,
        "the shell form keeps a shell in front of the program",
        "Docker runs the shell form by `/bin/sh -c`. Debian's and Ubuntu's dash stays in front of the program, as PID 1, and "
        "passes no signal "
        "on: the program is killed when the grace period is over. bash and busybox execute the last command, so images of "
        "Alpine and Fedora are not affected, and nothing is said where the base's shell is unknown.",
        {"Dockerfile": "FROM debian:bookworm-slim\nCOPY app.py /\nCMD python3 /app.py\n"},
        {"Dockerfile": 'FROM debian:bookworm-slim\nCOPY app.py /\nCMD ["python3", "/app.py"]\n'},
        "https://docs.docker.com/reference/dockerfile/#shell-form-entrypoint-example",
        SAFE,
    ),
    Rule(
        "PI102",
        WARNING,
        "`sh -c` without exec",
        "A shell that is given its command by `-c` is the shell form written out: dash stays in front of the program.",
        {"Dockerfile": 'FROM python:3.12-slim\nCMD ["sh", "-c", "gunicorn --bind 0.0.0.0:$PORT shop:app"]\n'},
        {"Dockerfile": 'FROM python:3.12-slim\nCMD ["sh", "-c", "exec gunicorn --bind 0.0.0.0:$PORT shop:app"]\n'},
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sh.html",
        UNSAFE,
    ),
    Rule(
        "PI103",
        WARNING,
        "npm, yarn, pnpm, su or sudo in front of the program",
        "npm and its kin start the program through a shell and answer for it with a status of their own; su and runuser kill "
        "what they have started 2 s after the signal. What the program does to finish is cut, or nobody hears how it ended.",
        {"Dockerfile": 'FROM node:22\nCOPY . /app\nCMD ["npm", "start"]\n'},
        {"Dockerfile": 'FROM node:22\nCOPY . /app\nCMD ["node", "server.js"]\n'},
        "https://github.com/nodejs/docker-node/blob/main/docs/BestPractices.md#cmd; "
        "https://github.com/util-linux/util-linux/issues/443",
    ),
    Rule(
        "PI104",
        ERROR,
        "a stop signal by which the program loses its work",
        "Several servers finish their requests at a signal of their own (nginx and php-fpm at QUIT, httpd at WINCH, HAProxy "
        "at USR1) and "
        "cut them at SIGTERM. Their official images say so by STOPSIGNAL; an image built on Debian has to say it again, and "
        "an image built "
        "on theirs for another program has to take it back. Which program wants what is the table by which pyinit itself "
        "delivers signals.",
        {"Dockerfile": 'FROM debian:bookworm-slim\nRUN apt-get install --yes nginx\nCMD ["nginx", "-g", "daemon off;"]\n'},
        {
            "Dockerfile": "FROM debian:bookworm-slim\nRUN apt-get install --yes nginx\nSTOPSIGNAL SIGQUIT\n"
            'CMD ["nginx", "-g", "daemon off;"]\n'
        },
        "https://nginx.org/en/docs/control.html; pyinit/delivery/programs.py names the source for each program",
        UNSAFE,
    ),
    Rule(
        "PI105",
        ERROR,
        "STOPSIGNAL KILL or STOP",
        "No program can catch these two. With KILL nothing is finished; with STOP the program hangs until it is killed.",
        {"Dockerfile": 'FROM debian:bookworm-slim\nSTOPSIGNAL SIGKILL\nCMD ["/app"]\n'},
        {"Dockerfile": 'FROM debian:bookworm-slim\nSTOPSIGNAL SIGTERM\nCMD ["/app"]\n'},
        "https://man7.org/linux/man-pages/man7/signal.7.html",
    ),
    Rule(
        "PI106",
        WARNING,
        "a shell-form ENTRYPOINT",
        "An ENTRYPOINT in shell form drops CMD and the arguments of `docker run`. Before pyinit it also starts a shell that "
        "pyinit cannot see "
        "behind.",
        {"Dockerfile": 'FROM debian:bookworm-slim\nENTRYPOINT pyinit --\nCMD ["/app"]\n'},
        {"Dockerfile": 'FROM debian:bookworm-slim\nENTRYPOINT ["pyinit", "--"]\nCMD ["/app"]\n'},
        "https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact",
    ),
    Rule(
        "PI107",
        INFO,
        "a HEALTHCHECK every 30 s, or with a tool that is missing",
        "Swarm and Compose wait for the first successful check before they go on with an update. By default that is made "
        "after 30 s. And a "
        "check whose tool is not in the image never succeeds.",
        {"Dockerfile": 'FROM debian:bookworm-slim\nHEALTHCHECK CMD curl --fail http://127.0.0.1:8080/\nCMD ["/app"]\n'},
        {
            "Dockerfile": 'FROM debian:bookworm-slim\nHEALTHCHECK --interval=5s CMD ["pyinit", "--probe", "http://127.0.0.1:8080/"]\n'
            'COPY --from=pyinit /pyinit /usr/local/bin/pyinit\nENTRYPOINT ["pyinit", "--"]\nCMD ["/app"]\n'
        },
        "https://docs.docker.com/reference/dockerfile/#healthcheck",
        SAFE,
    ),
    Rule(
        "PI108",
        WARNING,
        "two inits, or one that signals the wrapper as well",
        "The outer init signals the inner one, and each has its own idea of when to leave. And `tini -g` signals the shell "
        "together with the "
        "program: the shell dies at once, tini leaves with it, and the kernel kills the program in the middle of its work.",
        {
            "compose.yaml": "services:\n  shop:\n    build: .\n    init: true\n",
            "Dockerfile": 'FROM alpine\nENTRYPOINT ["tini", "--"]\nCMD ["/app"]\n',
        },
        {
            "compose.yaml": "services:\n  shop:\n    build: .\n",
            "Dockerfile": 'FROM alpine\nENTRYPOINT ["tini", "--"]\nCMD ["/app"]\n',
        },
        "https://github.com/krallin/tini#process-group-killing",
    ),
    Rule(
        "PI109",
        WARNING,
        "nobody reaps",
        "PID 1 inherits every orphan of the container. A program that does not wait for children that are not its own leaves "
        "them as zombies, "
        "until no process can be started. A shell that executes its program hands its background jobs over to it.",
        {
            "Dockerfile": 'FROM node:22\nCOPY start.sh /\nENTRYPOINT ["/start.sh"]\n',
            "start.sh": "#!/bin/sh\ncron -f &\nexec node server.js\n",
        },
        {
            "Dockerfile": 'FROM node:22\nCOPY start.sh /\nENTRYPOINT ["pyinit", "--", "/start.sh"]\n',
            "start.sh": "#!/bin/sh\ncron -f &\nexec node server.js\n",
        },
        "https://man7.org/linux/man-pages/man7/pid_namespaces.7.html",
    ),
    Rule(
        "PI110",
        INFO,
        "another user, and no CAP_KILL",
        "A process may signal processes of its own user only, unless it has CAP_KILL. An init that starts its program by "
        "gosu or setpriv, in a "
        "container whose capabilities are dropped, cannot tell it to stop.",
        {
            "Dockerfile": 'FROM debian:bookworm-slim\nENTRYPOINT ["pyinit", "--", "setpriv", "--reuid=app", "/app"]\n',
            "compose.yaml": "services:\n  shop:\n    build: .\n    cap_drop: [ALL]\n    cap_add: [SETUID, SETGID]\n",
        },
        {
            "Dockerfile": 'FROM debian:bookworm-slim\nENTRYPOINT ["pyinit", "--", "setpriv", "--reuid=app", "/app"]\n',
            "compose.yaml": "services:\n  shop:\n    build: .\n    cap_drop: [ALL]\n    cap_add: [SETUID, SETGID, KILL]\n",
        },
        "https://man7.org/linux/man-pages/man2/kill.2.html",
    ),
)
