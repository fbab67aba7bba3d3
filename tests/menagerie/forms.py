"""The forms in which images start their programs: shells, their scripts, and wrappers that stand before a command."""

from tests.menagerie.row import Form, Packages

EXEC = Form("exec form", "@COMMAND@")

START_SH = Form(
    "start.sh",
    "@DIR@/start.sh",
    {"start.sh": "#!/bin/sh\n@COMMAND@\nstatus=$?\necho the last line\nexit $status\n"},
    note="A script with neither `exec` nor a trap, and lines after the command.",
)
SHELL_FORM = Form("shell form", "/bin/sh -c '@COMMAND@'", note="`CMD command`: `sh -c`.")
PIPELINE = Form(
    "pipeline",
    "bash -o pipefail -c '@COMMAND@ 2>&1 | tee @DIR@/tee.log'",
    needs=("bash",),
    note="`command 2>&1 | tee log`, with pipefail.",
)
TRAP = Form(
    "trap",
    "@DIR@/start.sh",
    {
        "start.sh": "#!/bin/bash\n@COMMAND@ &\nchild=$!\n"
        "trap 'kill -TERM $child; wait $child; exit $?' TERM\nwait $child\nexit $?\n"
    },
    needs=("bash",),
    note='bash: `app & trap "kill -TERM $p; wait $p" TERM; wait $p`.',
)
BACKGROUND = Form(
    "beside another",
    "@DIR@/start.sh",
    {"start.sh": "#!/bin/sh\nsleep 1000 &\n@COMMAND@\nstatus=$?\necho the last line\nexit $status\n"},
    note="A script with a background job beside its command.",
)

TIMEOUT = Form(
    "timeout",
    "timeout 100 @COMMAND@",
    needs=("timeout",),
    version="timeout --version",
    note="It passes the signal to its child, and then to its whole group.",
)
SUDO = Form(
    "sudo",
    "sudo --preserve-env @COMMAND@",
    packages=Packages(apt=("sudo",)),
    needs=("sudo",),
    version="sudo --version",
    note="It passes the signal to its child.",
)
SU = Form(
    "su", "su root -c '@COMMAND@'", needs=("su",), version="su --version", note="It kills its child 2 s after the signal."
)
RUNUSER = Form(
    "runuser",
    "runuser -u root -- @COMMAND@",
    needs=("runuser",),
    version="runuser --version",
    note="It kills its child 2 s after the signal.",
)
SETPRIV = Form("setpriv", "setpriv --reuid=0 @COMMAND@", needs=("setpriv",), version="setpriv --version")
GOSU = Form("gosu", "gosu root @COMMAND@", packages=Packages(apt=("gosu",)), needs=("gosu",), version="gosu --version")
SCRIPT = Form(
    "script",
    "script --quiet --return --command '@COMMAND@' /dev/null",
    needs=("script",),
    version="script --version",
    note="It gives its child a session of its own, and kills it 2 s after the signal.",
)
EXPECT = Form(
    "expect",
    "expect @DIR@/run.exp",
    {"run.exp": "set timeout -1\nspawn @COMMAND@\nexpect eof\nexit [lindex [wait] 3]\n"},
    Packages(apt=("expect",)),
    ("expect",),
    version="expect -v",
    note="It gives its child a session of its own. It dies of the signal at once.",
)
NPM_START = Form(
    "npm start",
    "npm start --silent",
    {"package.json": '{"name": "menagerie", "version": "1.0.0", "scripts": {"start": "@COMMAND@"}}'},
    Packages(apt=("npm",)),
    ("npm",),
    version="npm --version",
    note="It runs the command by a shell that dies of the signal. Then the status is npm's. It does nothing about SIGINT.",
)
UV_RUN = Form(
    "uv run",
    "@PIP@/uv run --no-project --offline --no-cache -- @COMMAND@",
    packages=Packages(pypi=("uv",)),
    needs=("@PIP@/uv",),
    version="@PIP@/uv --version",
    note="It passes the signal to its child.",
)
FOREMAN = Form(
    "foreman",
    "foreman start --procfile=@DIR@/Procfile --root=@DIR@ --timeout=30",
    {"Procfile": "app: @COMMAND@\n"},
    Packages(apt=("ruby-foreman",)),
    ("foreman",),
    version="foreman version",
    note="It passes the signal to its children.",
)
HONCHO = Form(
    "honcho",
    "@PIP@/honcho start",
    {"Procfile": "app: @COMMAND@\n"},
    Packages(pypi=("honcho",)),
    ("@PIP@/honcho",),
    version="@PIP@/honcho --version",
    note="It passes the signal to its children. Its status is 143 when it is told itself.",
)
SUPERVISOR = Form(
    "supervisor",
    "@PIP@/supervisord --nodaemon --configuration=@DIR@/supervisord.conf",
    {
        "supervisord.conf": "[supervisord]\nnodaemon=true\nuser=root\n"
        "logfile=@DIR@/supervisord.log\npidfile=@DIR@/supervisord.pid\n"
        "[program:app]\ncommand=@COMMAND@\nstdout_logfile=/dev/fd/1\nstdout_logfile_maxbytes=0\nredirect_stderr=true\n"
        "stopwaitsecs=30\n"
    },
    Packages(pypi=("supervisor",)),
    ("@PIP@/supervisord",),
    statuses=(0,),
    version="@PIP@/supervisord --version",
    note="It stops its programs one by one. Its status is its own.",
)
CIRCUS = Form(
    "circus",
    "@PIP@/circusd @DIR@/circus.ini",
    {"circus.ini": "[circus]\n[watcher:app]\ncmd = @COMMAND@\ncopy_env = True\ngraceful_timeout = 30\n"},
    Packages(pypi=("circus",)),
    ("@PIP@/circusd",),
    statuses=(0,),
    version="@PIP@/circusd --version",
    note="It stops its programs. Its status is its own.",
)
CONCURRENTLY = Form(
    "concurrently",
    "@NPM@/concurrently --raw '@COMMAND@' 'sleep 1000'",
    packages=Packages(npm=("concurrently",)),
    needs=("@NPM@/concurrently",),
    statuses=(1,),
    version="@NPM@/concurrently --version",
    note="It kills its commands and leaves at once.",
)
NODEMON = Form(
    "nodemon",
    "@NPM@/nodemon --quiet --signal SIGTERM --watch @DIR@/package.json --exec '@COMMAND@'",
    {"package.json": "{}"},
    Packages(npm=("nodemon",)),
    ("@NPM@/nodemon",),
    statuses=(143,),
    version="@NPM@/nodemon --version",
    note="It leaves at once. Its status is its own.",
)
RUNIT = Form(
    "runit",
    "runsvdir @DIR@/service",
    {"service/app/run": "#!/bin/sh\nexec @COMMAND@\n"},
    Packages(apt=("runit",)),
    ("runsvdir",),
    statuses=(0, 111),
    version="dpkg-query --show runit",
    note="It leaves at once. At SIGHUP it tells its services first, and does not wait for them.",
)
S6 = Form(
    "s6",
    "s6-svscan @DIR@/service",
    {
        "service/app/run": "#!/bin/sh\nexec @COMMAND@\n",
        "service/app/finish": "#!/bin/sh\nexec s6-svscanctl -t @DIR@/service\n",
        "service/app/timeout-kill": "0\n",
    },
    Packages(apt=("s6",)),
    ("s6-svscan",),
    statuses=(0,),
    version="dpkg-query --show s6",
    note="It stops its services. Its status is its own.",
)
XVFB_RUN = Form(
    "xvfb-run",
    "xvfb-run --auto-servernum @COMMAND@",
    packages=Packages(apt=("xvfb", "xauth")),
    needs=("xvfb-run", "xauth"),
    not_as_pid_1="Xvfb tells its parent that it is ready by SIGUSR1, unless that is PID 1; xvfb-run waits for it for ever.",
    version="dpkg-query --show xvfb",
)
PARALLEL = Form(
    "parallel",
    "parallel --jobs 1 --line-buffer @COMMAND@ ::: --status=7",
    packages=Packages(apt=("parallel",)),
    needs=("parallel",),
    statuses=(1,),
    version="parallel --version",
    note="At SIGTERM it kills its jobs. At SIGHUP it starts no more and waits for those that run. Its status counts failures.",
)
XARGS = Form(
    "xargs",
    "sh -c 'echo --status=7 | xargs @COMMAND@'",
    needs=("xargs",),
    statuses=(123,),
    version="xargs --version",
    note="It has no handler. Its status is 123 where a job fails.",
)
MAKE = Form(
    "make",
    "make --file=@DIR@/Makefile",
    {"Makefile": "all:\n\t@COMMAND@\n"},
    Packages(apt=("make",)),
    ("make",),
    statuses=(2, 143),
    version="make --version",
    note="It waits for its job. Its status is 2 where the job fails.",
)
NESTED_TINI = Form(
    "nested tini", "tini -s -- @COMMAND@", packages=Packages(apt=("tini",)), needs=("tini",), version="tini --version"
)
NESTED_DUMB_INIT = Form(
    "nested dumb-init",
    "dumb-init -- @COMMAND@",
    packages=Packages(apt=("dumb-init",)),
    needs=("dumb-init",),
    version="dumb-init --version",
)

#: The wrappers that people put before a command. What they are before is one of a few applications.
WRAPPERS = (
    TIMEOUT, SUDO, SU, RUNUSER, SETPRIV, GOSU, SCRIPT, EXPECT, NPM_START, UV_RUN, FOREMAN, HONCHO, SUPERVISOR, CIRCUS,
    CONCURRENTLY, NODEMON, RUNIT, S6, XVFB_RUN, NESTED_TINI, NESTED_DUMB_INIT,
)  # fmt: skip
