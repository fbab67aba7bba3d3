"""Databases and brokers, from Debian."""

from tests.menagerie import forms
from tests.menagerie.row import Packages, Program

TERM = ("TERM",)
PG = "/usr/lib/postgresql/15/bin"
AS_POSTGRES = "setpriv --reuid=postgres --regid=postgres --clear-groups"
POSTGRES = (
    f"{AS_POSTGRES} {PG}/postgres -D @DIR@/data -c unix_socket_directories=@DIR@ -c listen_addresses=127.0.0.1"
    " -c port=8000 -c log_statement=all"
)
PSQL = "psql --host=127.0.0.1 --port=8000 --username=postgres --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --command"
TRANSACTION = f"{PSQL} 'begin; create table saved (); select pg_sleep(@WORK@); commit'"
INITDB = (
    f"rm -rf @CACHE@/postgres; install -d -o postgres @CACHE@/postgres; chmod a+rx @CACHE@; cd /; "
    f"{AS_POSTGRES} {PG}/initdb -D @CACHE@/postgres --auth=trust --no-sync"
)
POSTGRES_ROW = {
    "packages": Packages(apt=("postgresql-15",)),
    "needs": (PG + "/postgres", "psql"),
    "version": PG + "/postgres --version",
    "once": INITDB,
    "before": "cp -a @CACHE@/postgres @DIR@/data && chmod 700 @DIR@/data",
    "ready": "ready to accept connections",
    "started": r"select pg_sleep",
    "told": "received (smart|fast|immediate) shutdown request",
}
MARIADB = (
    "mariadbd --no-defaults --user=mysql --datadir=@DIR@/data --socket=@DIR@/mysql.sock --port=8000 --bind-address=127.0.0.1"
    " --pid-file=@DIR@/mysql.pid --skip-grant-tables --innodb-flush-log-at-trx-commit=2"
)

PROGRAMS = (
    Program(
        "PostgreSQL",
        POSTGRES,
        client=TRANSACTION,
        forms={forms.EXEC: ("TERM", "INT", "QUIT"), forms.START_SH: ("TERM", "INT"), forms.SHELL_FORM: TERM,
               forms.PIPELINE: TERM, forms.TRAP: TERM},
        third=(forms.EXEC, (forms.EXEC, "INT"), forms.START_SH),
        **POSTGRES_ROW,  # type: ignore[arg-type] # the fields of a Program
        limits="SIGTERM waits until every client has gone, and no new one may come; SIGINT cuts transactions. A pool of"
        " connections that nobody closes makes SIGTERM wait for ever.",
    ),
    Program(
        "PostgreSQL with a pool",
        POSTGRES,
        client="({ echo \"select 'idle';\"; sleep 15; } | psql --host=127.0.0.1 --port=8000 --username=postgres) & "
        f"{TRANSACTION} && echo work committed; wait",
        finished="^work committed",
        **POSTGRES_ROW  # type: ignore[arg-type] # the fields of a Program
        | {"started": r"(?s)select 'idle'.*select pg_sleep|select pg_sleep.*select 'idle'"},
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM},
        third=(forms.EXEC,),
    ),
    Program(
        "PgBouncer",
        f"{AS_POSTGRES} pgbouncer @DIR@/pgbouncer.ini",
        Packages(apt=("postgresql-15", "pgbouncer")),
        (PG + "/postgres", "psql", "pgbouncer"),
        "pgbouncer --version",
        {
            "pgbouncer.ini": "[databases]\n* = host=127.0.0.1 port=9000 user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            "listen_port = 8000\nauth_type = any\nunix_socket_dir =\npool_mode = session\n"
        },
        once=INITDB.replace("@CACHE@/postgres", "@CACHE@/pgbouncer"),
        companion="cp -a @CACHE@/pgbouncer @DIR@/data && chmod 700 @DIR@/data && exec "
        + POSTGRES.replace("port=8000", "port=9000"),
        companion_port=9000,
        port=8000,
        client=TRANSACTION,
        started="select pg_sleep",
        told="got SIG(TERM|INT)",
        logs=("companion.log",),
        forms={forms.EXEC: ("TERM", "INT", "QUIT"), forms.START_SH: ("TERM", "INT")},
        limits="Its own SIGTERM cuts transactions; SIGINT waits for them.",
    ),
    Program(
        "RabbitMQ",
        "env HOME=@DIR@ RABBITMQ_NODENAME=menagerie@localhost RABBITMQ_MNESIA_BASE=@DIR@/mnesia RABBITMQ_LOGS=-"
        " RABBITMQ_PID_FILE=@DIR@/pid RABBITMQ_NODE_PORT=8000"
        " setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups /usr/lib/rabbitmq/bin/rabbitmq-server",
        Packages(apt=("rabbitmq-server",)),
        ("/usr/lib/rabbitmq/bin/rabbitmq-server",),
        "dpkg-query --show rabbitmq-server",
        before="install -d -o rabbitmq @DIR@/mnesia; chown rabbitmq @DIR@",
        port=8000,
        ready="Server startup complete",
        client="echo work started",
        finished=r"Message store for directory .* is stopped",
        told="SIGTERM received",
        limit=25,
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM, forms.SU: TERM},
        limits="Debian's script `rabbitmq-server` goes through su when it runs as root, and su kills 2 s after the signal.",
    ),
    Program(
        "MariaDB",
        MARIADB,
        Packages(apt=("mariadb-server",)),
        ("mariadbd", "mariadb"),
        "mariadbd --version",
        once="rm -rf @CACHE@/mariadb; mariadb-install-db --no-defaults --user=mysql --datadir=@CACHE@/mariadb --skip-test-db",
        before="cp -a @CACHE@/mariadb @DIR@/data",
        ready="ready for connections",
        client="mariadb --no-defaults --protocol=tcp --host=127.0.0.1 --port=8000 --unbuffered --execute"
        " \"select 'work started'; begin; create table mysql.saved (n int); select sleep(@WORK@); commit\"",
        told=r"Normal shutdown|Initiated by",
        forms={forms.EXEC: ("TERM", "INT", "QUIT"), forms.START_SH: TERM, forms.TRAP: TERM},
        limits="Its own SIGTERM and SIGQUIT cut transactions. It ignores SIGINT.",
    ),
    Program(
        "Redis",
        "redis-server --port 8000 --bind 127.0.0.1 --dir @DIR@ --save 3600 1",
        Packages(apt=("redis-server",)),
        ("redis-server", "redis-cli"),
        "redis-server --version",
        ready="Ready to accept connections",
        client="redis-cli -p 8000 set key value && echo work started",
        finished="DB saved on disk",
        told="Received SIG(TERM|INT) scheduling shutdown",
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM, forms.SHELL_FORM: TERM, forms.PIPELINE: TERM,
               forms.GOSU: TERM},
        limits="Work is here what is not on the disk yet: it is saved if `save` asks for that.",
        third=(forms.START_SH, forms.PIPELINE),
    ),
    Program(
        "memcached",
        "memcached --user=root --listen=127.0.0.1 --port=8000 --memory-file=@DIR@/memory --memory-limit=64 -v",
        Packages(apt=("memcached",)),
        ("memcached",),
        "memcached --version",
        port=8000,
        client="echo work started",
        finished="^all background threads stopped",
        told=None,
        forms={forms.EXEC: ("TERM", "INT", "USR1"), forms.START_SH: ("TERM", "USR1")},
        limits="SIGTERM and SIGINT lose the memory; SIGUSR1 keeps it in the file of `--memory-file`.",
    ),
    Program(
        "Mosquitto",
        "mosquitto -c @DIR@/mosquitto.conf",
        Packages(apt=("mosquitto",)),
        ("mosquitto",),
        "mosquitto -h",
        {
            "mosquitto.conf": "listener 8000 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location @DIR@/\n"
            "user root\nlog_dest stderr\nlog_type all\n"
        },
        port=8000,
        client="echo work started",
        finished="Saving in-memory database",
        told="mosquitto version [0-9.]+ terminating",
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM},
        third=(forms.START_SH,),
    ),
)  # fmt: skip
