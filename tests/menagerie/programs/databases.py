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
POSTGRES_ROW = {
    "packages": Packages(apt=("postgresql-15",)),
    "needs": (PG + "/postgres", "psql"),
    "version": PG + "/postgres --version",
    "once": f"rm -rf @CACHE@/postgres; install -d -o postgres @CACHE@/postgres; chmod a+rx @CACHE@; cd /; "
    f"{AS_POSTGRES} {PG}/initdb -D @CACHE@/postgres --auth=trust --no-sync",
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
        client=f"(sleep 1000 | psql --host=127.0.0.1 --port=8000 --username=postgres) & {TRANSACTION}",
        forms={forms.EXEC: ("TERM", "INT"), forms.START_SH: TERM},
        **POSTGRES_ROW,  # type: ignore[arg-type] # the fields of a Program
        third=(forms.EXEC,),
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
        told="Signal handled|Gracefully stopping",
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
