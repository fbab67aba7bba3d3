"""The pages of PI2..."""

from pyinit.check.model import ERROR, INFO, WARNING
from pyinit.check.pages.rule import UNSAFE, Rule

DOCKERFILE = 'FROM debian:bookworm-slim\nCOPY start.sh /\nENTRYPOINT ["/start.sh"]\n'

RULES = (
    Rule(
        "PI201",
        ERROR,
        "the last command of the start script has no exec",
        "A shell waits for its child and passes no signal on. As PID 1 it ignores SIGTERM, and the program is killed when "
        "the grace period is "
        "over; below tini or dumb-init it dies of it at once, and the program with the container.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nset -e\nmigrate\ngunicorn shop:app\n"},
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nset -e\nmigrate\nexec gunicorn shop:app\n"},
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html (2.11, Signals and Error Handling; exec)",
        UNSAFE,
    ),
    Rule(
        "PI202",
        ERROR,
        "exec in a pipeline",
        "Each part of a pipeline runs in a process of its own, and exec takes the place of that one only. The shell stays as "
        "PID 1.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nexec gunicorn shop:app | tee /var/log/shop\n"},
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/bash\nexec gunicorn shop:app > >(tee /var/log/shop)\n"},
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html (2.9.2, Pipelines; 2.13, Shell Execution "
        "Environment)",
    ),
    Rule(
        "PI203",
        ERROR,
        "a trap before a child in the foreground",
        "A shell that has caught a signal waits for its foreground child before it runs the trap. The child has not been "
        "told, so the trap runs "
        "when it is too late, or never.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\ntrap 'deregister; exit 0' TERM\ngunicorn shop:app\n"},
        {
            "Dockerfile": DOCKERFILE,
            "start.sh": "#!/bin/sh\ntrap 'deregister; kill -TERM $pid; wait $pid' TERM\n"
            "gunicorn shop:app &\npid=$!\nwait $pid\n",
        },
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html (2.11, Signals and Error Handling)",
    ),
    Rule(
        "PI204",
        WARNING,
        "a wait that the trap cuts short",
        "`wait` returns as soon as a trapped signal has come. If nothing waits once more, the script leaves, and with PID 1 "
        "the kernel kills "
        "whoever is still finishing.",
        {
            "Dockerfile": DOCKERFILE,
            "start.sh": "#!/bin/sh\ntrap 'kill -TERM $pid' TERM\ngunicorn shop:app &\npid=$!\nwait $pid\n",
        },
        {
            "Dockerfile": DOCKERFILE,
            "start.sh": "#!/bin/sh\ntrap 'kill -TERM $pid' TERM\ngunicorn shop:app &\npid=$!\nwait $pid\nwait $pid\n",
        },
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/wait.html",
    ),
    Rule(
        "PI205",
        WARNING,
        "a trap for KILL or STOP",
        "These two cannot be caught, so the trap never runs for them.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\ntrap 'echo bye' KILL\nexec gunicorn shop:app\n"},
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nexec gunicorn shop:app\n"},
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html (trap)",
    ),
    Rule(
        "PI206",
        WARNING,
        "a background job that nobody waits for",
        "When the script ends, the container ends with it, whatever the job is doing. When the job dies, nobody notices.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\ncelery -A shop worker &\ngunicorn shop:app\n"},
        {
            "Dockerfile": 'FROM debian:bookworm-slim\nCOPY start.sh /\nENTRYPOINT ["pyinit", "--", "/start.sh"]\n',
            "start.sh": "#!/bin/sh\ncelery -A shop worker &\ngunicorn shop:app\n",
        },
        "https://docs.docker.com/engine/containers/multi-service_container/",
    ),
    Rule(
        "PI207",
        WARNING,
        "a loop that starts the program again",
        "The loop starts a new program in the middle of a stop, and the orchestrator never learns that the old one died.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nwhile true; do\n  gunicorn shop:app\n  sleep 1\ndone\n"},
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nexec gunicorn shop:app\n"},
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy",
    ),
    Rule(
        "PI208",
        INFO,
        "code behind an exec",
        "exec replaces the shell; what stands behind it is run only if the program cannot be started.",
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nexec gunicorn shop:app\nupload-logs /var/log\n"},
        {"Dockerfile": DOCKERFILE, "start.sh": "#!/bin/sh\nupload-logs /var/log\nexec gunicorn shop:app\n"},
        "https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html (exec)",
    ),
)
