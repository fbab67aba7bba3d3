"""PURE. What a command line is: a shell, an init, a wrapper, a server, or something that is over soon.

What programs want and which are wrappers is the delivery's table (pyinit/delivery/programs.py); here is only what a file
tells and
/proc never has to: commands that are over soon, those that put themselves in the background, and the options for times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyinit.delivery import programs
from pyinit.settings.words import SHELL_WORDS

Known = Sequence[str | None]

#: Other inits, which signal their child and leave when it does; and those that run services of their own.
INITS = programs.BY_NAME["tini"].names
SUPERVISORS = ("s6-svscan", "init", "my_init", "supervisord", "runsvdir", "systemd", "circusd")

#: Programs that execute their command: what is behind them takes their place.
TRANSPARENT = {
    "env": "uSC",
    "nice": "n",
    "ionice": "cnp",
    "nohup": "",
    "stdbuf": "ioe",
    "gosu": None,
    "su-exec": None,
    "setpriv": "",
    "chpst": "unve",
    "catchsegv": "",
    "bundle": None,
    "chrt": "",
    "numactl": "",
}

#: Wrappers that stay in front of their program and change what it hears or says (PI103), and what each does.
STAYING = {
    "npm": "passes SIGTERM on to a shell, which passes it to nobody, and loses the exit status",
    "npx": "passes SIGTERM on to a shell, which passes it to nobody, and loses the exit status",
    "yarn": "does not wait for the program when it is told to stop, and loses the exit status",
    "pnpm": "does not wait for the program when it is told to stop, and loses the exit status",
    "su": "passes the signal on and sends SIGKILL 2 s later",
    "runuser": "passes the signal on and sends SIGKILL 2 s later",
    "sudo": "stands between the orchestrator and the program, and ignores signals of its own process group",
}

#: Servers and workers, beside those of the delivery's table that are applications.
SERVERS = frozenset(
    "uvicorn hypercorn daphne granian uwsgi flask dramatiq rq rqworker airflow dagster puma rails rackup thin sidekiq resque "
    "unicorn "
    "next nuxt nest ts-node tsx bun deno catalina.sh spring-boot redis-server valkey-server mysqld mariadbd mongod "
    "rabbitmq-server "
    "caddy traefik envoy prometheus grafana-server vault consul etcd minio php-fpm apache2-foreground httpd-foreground "
    "apachectl "
    "supervisord crond cron sshd squid varnishd streamlit jupyter mlflow celery gunicorn nginx java dotnet node haproxy "
    "kafka-server-start.sh zookeeper-server-start.sh elasticsearch logstash kibana hasura postgrest keycloak "
    "kc.sh standalone.sh".split()
) | {name for row in programs.PROGRAMS if row.what == programs.APPLICATION for name in row.names}

#: Commands that are over soon, or that do nothing which a signal could cut.
SHORT = (
    frozenset(
        "awk basename bash-completion cat chgrp chmod chown cksum clear cmp comm cp createdb curl cut date dd df diff dig "
        "dirname dos2unix "
        "du echo egrep envsubst expr fgrep file find getent git gomplate grep groupadd groups gzip head host hostname "
        "htpasswd id "
        "install ip iptables jq keytool ldconfig less ln logger ls md5sum mkdir mkfifo mktemp more mount mv mysql mysqladmin "
        "nc netcat "
        "nproc nslookup openssl pg_isready pidof ping pgrep pip pip3 pkill killall poetry-install printenv printf ps psql "
        "pwd readlink "
        "realpath redis-cli rm rmdir rsync sed seq setcap sha256sum sleep sort split ssh-keygen stat stty sysctl tail tar "
        "tee test touch "
        "tr true false uname uniq unzip update-ca-certificates useradd usermod uuidgen wc wget which whoami xargs yq zip "
        "apt-get apk yum "
        "dnf aws gcloud az kubectl helm consul-template-once wait-for-it wait-for-it.sh wait-for wait-for.sh wait4ports "
        "dockerize-wait alembic flyway liquibase composer artisan-migrate terraform ansible-playbook pytest tox make cmake gcc "
        "msgfmt locale-gen a2enmod a2ensite chsh passwd adduser addgroup mc mongosh mongo createuser pg_dump pg_restore ldd "
        "time "
        "unittest nose2 nosetests coverage doctest compileall venv ensurepip pdb confd jinja2 j2 sponge cmp numfmt tsc webpack "
        "vite-build eslint prettier prisma sqlx goose migrate dbmate rake knex".split()
    )
    | programs.ONLY_WAITING
    | SHELL_WORDS
)

#: Second words by which a server's own command line is something that is over soon.
SHORT_TASKS = frozenset(
    "migrate collectstatic makemigrations compilemessages createsuperuser check loaddata shell test lint build install ci "
    "audit prune "
    "version --version -v -V --help -h -t -T db:migrate db:create db:prepare db:setup db:seed assets:precompile init upgrade "
    "db "
    "configtest reload inspect call control status purge compile generate seed export import".split()
)

INTERPRETERS = (
    "python",
    "python2",
    "python3",
    "ruby",
    "perl",
    "node",
    "nodejs",
    "php",
    "pypy3",
    "deno",
    "bun",
    "java",
    "dotnet",
)


def base(word: str | None) -> str:
    """The name of a program from its path."""
    return (word or "").rpartition("/")[2]


def is_interpreter(word: str | None) -> bool:
    """Whether a program runs a program that is a file."""
    return base(word).rstrip("0123456789.") in {name.rstrip("0123456789.") for name in INTERPRETERS}


def as_text(words: Known) -> tuple[str, ...]:
    """Words with a mark in the place of those that are unknown."""
    return tuple("?" if word is None else word for word in words)


def name_of(words: Known) -> str:
    """What a command is called, by the delivery's table where it is in it: `python3 -m gunicorn` gives "gunicorn"."""
    if not words or words[0] is None:
        return ""
    text = as_text(words)
    first = base(text[0])
    return programs.name_of(first, text) or first


def row_of(words: Known) -> programs.Program | None:
    """The row of the delivery's table, or None."""
    if not words or words[0] is None:
        return None
    text = as_text(words)
    return programs.find(base(text[0])[:15], text)


def is_shell(word: str | None) -> bool:
    """Whether a program is a shell."""
    return base(word) in ("sh", "bash", "dash", "ash", "ksh", "zsh")


def is_init(words: Known) -> bool:
    """Whether a command is another init."""
    return bool(words) and base(words[0]) in INITS


def is_pyinit(words: Known) -> bool:
    """Whether a command is pyinit by its own name, and not one of its tools."""
    text = as_text(words)
    is_module = len(text) > 2 and base(text[0]).startswith("python") and "-m" in text[1:4] and "pyinit" in text[2:5]  # noqa: PLR2004
    is_tool = any(word.startswith(("--probe", "--status")) for word in text[1:2])
    return bool(text) and (base(text[0]) == "pyinit" or is_module) and not is_tool


def inside(words: Known) -> Known:
    """The command that a transparent program executes, or the words as they are."""
    for _ in range(8):
        if not words or words[0] is None:
            return words
        name = base(words[0])
        if name == "exec" and len(words) > 1:
            words = _behind_options(words[1:], "a")
        elif name == "command" and len(words) > 1 and not (words[1] or "-").startswith("-"):
            words = words[1:]
        elif name == "bundle":
            if len(words) < 3 or words[1] != "exec":  # noqa: PLR2004 - bundle exec PROGRAM
                return words
            words = words[2:]
        elif name in TRANSPARENT:
            options = TRANSPARENT[name]
            rest = words[2:] if options is None else _behind_options(words[1:], options)
            while name == "env" and rest and rest[0] is not None and "=" in rest[0]:
                rest = rest[1:]
            if not rest:
                return words
            words = rest
        else:
            return words
    return words


def _behind_options(words: Known, with_word: str) -> Known:
    """The words behind options; those whose letter is in `with_word` are followed by a word of their own."""
    at = 0
    while at < len(words):
        word = words[at]
        if word is None or not word.startswith("-") or word == "-":
            break
        if word == "--":
            return words[at + 1 :]
        at += 2 if len(word) == 2 and word[1] in with_word else 1  # noqa: PLR2004 - a letter behind its dash
    return words[at:]


def behind_init(words: Known) -> Known:
    """The command that tini, dumb-init or catatonit runs."""
    name = base(words[0])
    with_word = {"dumb-init": "r", "catatonit": ""}.get(name, "pe")
    rest = words[1:]
    at = 0
    while at < len(rest):
        word = rest[at]
        if word is None or not word.startswith("-"):
            break
        if word == "--":
            return rest[at + 1 :]
        at += 2 if (word[1:] in with_word and len(word) == 2) or word == "--rewrite" else 1  # noqa: PLR2004 - as above
    return rest[at:]


def is_group_wide(words: Known) -> bool:
    """Whether an init is told to signal the whole process group: tini -g; dumb-init without -c."""
    options = []
    for word in words[1:]:
        if word is None or not word.startswith("-") or word == "--":
            break
        options.append(word)
    name = base(words[0])
    if name == "dumb-init":
        return not any(word in ("-c", "--single-child") for word in options)
    return any(re.fullmatch(r"-[a-z]*g[a-z]*", word) for word in options)


def daemonizes(words: Known) -> bool:
    """Whether a server puts itself in the background, so that the script goes on."""
    text = as_text(words)
    name = name_of(words)
    line = " ".join(text[1:])
    if "?" in text:
        return False
    if name in ("nginx", "openresty"):
        return "daemon off" not in line
    if name in ("service", "rc-service", "initctl", "systemctl"):
        return True
    if name in ("apachectl", "apache2ctl"):
        return "FOREGROUND" not in line
    if name in ("httpd", "apache2"):
        return not re.search(r"FOREGROUND|-X", line)
    if name == "supervisord":
        return not re.search(r"(?:^|\s)(?:-\w*n\w*|--nodaemon)(?:\s|$)", line)  # unless its configuration says so
    if name in ("cron", "crond", "sshd", "rsyslogd", "syslogd"):
        return not re.search(r"(?:^|\s)-\w*[fDdn]", line)
    return bool(re.search(r"--daemon(?:ize)?(?:[ =]yes)?\b(?! no)|--fork\b|(?:^|\s)--detach\b", line)) or (
        name == "php-fpm" and bool(re.search(r"(?:^|\s)(-D|--daemonize)\b", line))
    )


def is_task(words: Known) -> bool:
    """Whether what a server's or an interpreter's name begins is over soon: manage.py migrate, npm install, nginx -t."""
    text = as_text(words)
    name = base(text[0]) if text else ""
    rest = text[1:]
    if name == "npx":
        at = next((at for at, word in enumerate(rest) if not word.startswith("-")), len(rest))
        return is_short(rest[at:]) or not rest[at:]
    if name in ("npm", "yarn", "pnpm", "bun"):
        return not (set(rest[:2]) & {"start", "run", "exec", "serve", "dev"}) or bool(set(rest[:3]) & SHORT_TASKS)
    if name.startswith(("python", "php", "ruby", "node", "perl")) and any(word in ("-c", "-e", "-r") for word in rest[:2]):
        return True
    words_behind = [word for word in rest[:4] if not word.startswith("/")]
    if name in ("nginx", "openresty"):
        return "-s" in rest or "-t" in rest or "-T" in rest or "-v" in rest
    if name == "bundle":
        return bool(set(rest[:4]) & SHORT_TASKS) or rest[:1] != ("exec",)
    return bool(set(words_behind[:3]) & SHORT_TASKS)


def is_short(words: Known) -> bool:
    """Whether a command is over soon, as far as can be known; a command that is unknown is not."""
    inner = inside(words)
    if not inner or inner[0] is None:
        return False
    first = base(inner[0])
    if first in ("timeout", "retry") and len(inner) > 2:  # noqa: PLR2004 - timeout SECONDS COMMAND
        return is_short(inner[2:])
    looks_short = re.search(
        r"(?:^|[-_/.])(?:wait|migrate|migration|setup|init|install|check|health|configure|bootstrap|seed|generate|render|update|create|"
        r"import|backup|cleanup|register|deregister|notify|prestart|pre_start|collectstatic|compile|build|load|download|fix|set)(?:$|[-_.])",
        name_of(inner),
    )
    is_migration = any("migrat" in word for word in as_text(inner[1:4]))
    return first in SHORT or name_of(inner) in SHORT or is_task(inner) or bool(looks_short) or is_migration


def is_server(words: Known) -> bool:
    """Whether a command is known to run until it is told to stop."""
    inner = inside(words)
    if not inner or inner[0] is None or is_task(inner):
        return False
    name = name_of(inner)
    if name in STAYING:
        return any(re.match(r"(?:start|serve|dev)(?:$|:)", word) for word in as_text(inner[1:4]))
    if name in SERVERS or base(inner[0]) in SERVERS:
        return True
    return base(inner[0]).rstrip("0123456789.") in ("python", "node", "ruby", "php", "java", "dotnet", "perl") and (
        any(
            re.search(r"(?:server|serve|app|main|worker|index|runserver|bot|consumer|daemon)", word)
            for word in as_text(inner[1:4])
        )
    )


#: Words by which a program that nobody knows shows that it serves, and the ends of such names.
SERVES = re.compile(
    r"^(?:serve|server|start|run|worker|daemon|listen|foreground|web|api|agent|controller|consumer)$"
    r"|^--?(?:listen|port|host|bind|addr|address|http|foreground|nodaemon|no-daemon|server|serve|daemon-off|workers?)\b|:\d{2,5}$"
)
NAMED_SERVER = re.compile(
    r"(?:server|daemon|exporter|worker|proxy|gateway|agent|[a-z]{3}d)$|^(?:server|app|main|api|web|service)\b"
)


def looks_like_server(words: Known) -> bool:
    """Whether a command is a server, as far as its name and its options show."""
    inner = inside(words)
    if is_server(inner):
        return True
    if is_short(inner) or not inner or inner[0] is None:
        return False
    name = name_of(inner)
    return bool(NAMED_SERVER.search(name)) or any(SERVES.search(word) for word in as_text(inner[1:]))


def option(words: Known, *names: str) -> tuple[str, int] | None:
    """The value of an option, and the number of the word that has it: `--name value`, `--name=value`, `-t5`, `-Dname=value`."""
    for at, word in enumerate(words):
        if word is None:
            continue
        for name in names:
            if word == name and at + 1 < len(words) and words[at + 1] is not None:
                return str(words[at + 1]), at + 1
            if word.startswith(name + "="):
                return word[len(name) + 1 :], at
            if re.fullmatch(r"-[a-zA-Z]", name) and word.startswith(name) and word[2:].isdecimal():
                return word[2:], at
    return None
