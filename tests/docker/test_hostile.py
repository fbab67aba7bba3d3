"""Hostile places: few rights, little memory, few processes, no /proc.

There too the application is told and finishes, and its status is kept; or one line says why not. The image `app` has Python
in it, and both forms of pyinit; `small-pyinit` a static shell and a static application besides the binary; `bare` no shell.
"""

import errno
import json
from typing import Any

import pytest

from tests.docker.conftest import Start
from tests.docker.engine import FORMS, Contained
from tests.namespace import ROOT
from tests.waiting import wait_until

FINISHED = "app ready\napp got SIGTERM\napp done\n"
SCRIPT_FINISHED = FINISHED + "start.sh cleans up after 7\n"
HELD_BACK = "(start.sh), until"
UNTOLD = "/proc does not tell"

NO_RIGHTS: dict[str, Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"]}

#: What a container can be denied by options of `docker run`.
PLACES: dict[str, dict[str, Any]] = {
    "a read-only root": {"read_only": True},
    "a noexec /tmp": {"tmpfs": {"/tmp": "noexec,nosuid,nodev,size=1m"}},  # noqa: S108 - in the container
    "no capabilities and no new privileges": NO_RIGHTS,
    "uid 65534": {"user": "65534:65534"},
    "a user whom /etc/passwd does not know": {"user": "12345:12345"},
    "16 MB of memory": {"mem_limit": "16m", "memswap_limit": "16m"},
    "3 processes": {"pids_limit": 3},  # pyinit, the script, the application
    "64 descriptors": {"ulimits": [{"Name": "nofile", "Soft": 64, "Hard": 64}]},
    "all of it": {
        "read_only": True,
        "tmpfs": {"/tmp": "noexec,nosuid,nodev,size=1m"},  # noqa: S108 - in the container
        "user": "65534:65534",
        "mem_limit": "16m",
        "memswap_limit": "16m",
        "pids_limit": 3,
        **NO_RIGHTS,
    },
}

#: System calls that pyinit makes the most of and can do without, if need be.
COMFORT = ["memfd_create", "pidfd_open", "signalfd", "signalfd4", "setpgid", "getrandom", "sysinfo", "socket"]


def with_profile(profile: object) -> dict[str, Any]:
    """Options with a seccomp profile. Without new privileges runc applies it last, so that it need not allow what runc does."""
    return {"security_opt": ["no-new-privileges", f"seccomp={json.dumps(profile)}"]}


def without(*names: str) -> dict[str, Any]:
    """Options with a profile that denies these system calls alone."""
    rule = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}
    return with_profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]})


#: Sixty system calls, where Docker's own profile allows more than three hundred.
STRICT = with_profile(json.loads((ROOT / "tests" / "docker" / "strict-seccomp.json").read_text()))

#: Rights to undo what an engine does to /proc: nobody is given them for the sake of pyinit.
MAY_MOUNT: dict[str, Any] = {"cap_add": ["SYS_ADMIN"], "security_opt": ["apparmor=unconfined"]}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """The path of each form of pyinit."""
    return FORMS[request.param]


def stop(container: Contained) -> int:
    """Stop it when the application is ready; return the exit status."""
    container.wait_for_output("app ready")
    container.stop()
    return container.wait()


def becomes(form: str, line: str, *words: str) -> dict[str, Any]:
    """Options with which a shell runs a line as PID 1, and then becomes pyinit with these words."""
    return {"entrypoint": ["sh", "-c", f'{line} exec "$0" "$@"'], "command": [form, "--", *words]}


@pytest.mark.parametrize("place", PLACES)
def test_a_start_script_stops_in_good_order_with(start: Start, form: str, place: str) -> None:
    container = start("app", ["/app/start.sh"], entrypoint=[form, "--"], **PLACES[place])
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert HELD_BACK in container.stderr


def test_under_dockers_own_seccomp_profile_nothing_is_amiss(start: Start, form: str) -> None:
    container = start("app", ["/app/start.sh"], entrypoint=[form, "--"], environment={"PYINIT_LOG_LEVEL": "debug"})
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert "Operation not permitted" not in container.stderr
    assert "fault" not in container.stderr


def test_a_seccomp_profile_that_denies_what_is_new_costs_nobody_anything(start: Start, form: str) -> None:
    container = start("app", ["/app/start.sh"], entrypoint=[form, "--"], **without(*COMFORT))
    container.wait_for_output("app ready")
    denied = container.container.exec_run(["python3", "-c", "import os; os.memfd_create('a')"])
    assert b"Operation not permitted" in denied.output, "or this would prove nothing"
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert HELD_BACK in container.stderr


def test_a_seccomp_profile_that_allows_the_least_is_enough(start: Start) -> None:
    container = start("small-pyinit", **STRICT)
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert HELD_BACK in container.stderr


def test_what_cannot_be_done_without_is_told_in_one_line(start: Start) -> None:
    container = start("bare", **without("setsid"))
    assert container.wait() == 126
    assert container.stderr == "pyinit: error: cannot execute /app: Operation not permitted\n"


def test_a_pyinit_that_must_not_wait_for_signals_says_so_in_one_line_and_keeps_the_application_alive(start: Start) -> None:
    container = start("bare", **without("rt_sigtimedwait"))
    container.wait_for_output("app ready")
    container.stop(timeout=1)
    assert container.wait() == 137, "it cannot hear of the stop"
    assert container.stderr.count("\n") == 1
    assert "a fault in pyinit; it goes on with less care: PermissionError" in container.stderr


def test_an_image_with_the_binary_and_one_program_is_enough(start: Start) -> None:
    container = start("bare")
    assert stop(container) == 7
    assert container.stdout == FINISHED


def test_the_least_memory_that_docker_allows_is_enough_for_the_binary(start: Start) -> None:
    container = start("bare", mem_limit="6m", memswap_limit="6m", environment={"PYINIT_PRE_STOP_DELAY": "auto"})
    assert stop(container) == 7
    assert container.stdout == FINISHED


def test_where_no_process_may_be_started_one_line_says_so(start: Start) -> None:
    container = start("bare", pids_limit=1)
    assert container.wait() == 125
    assert container.stderr == (
        "pyinit: error: cannot start /app: Resource temporarily unavailable; is a pids or memory limit reached?\n"
    )


def test_a_process_that_the_script_may_not_start_is_the_scripts_affair(start: Start, form: str) -> None:
    container = start("app", ["/app/start.sh"], entrypoint=[form, "--"], pids_limit=2)
    assert container.wait() == 2
    assert "Cannot fork" in container.stderr
    assert "pyinit" not in container.stderr


def test_without_proc_an_application_is_told_and_finishes(start: Start, form: str) -> None:
    container = start("app", **becomes(form, "umount -l /proc;", "python3", "/app/app.py"), **MAY_MOUNT)
    assert stop(container) == 7
    assert container.stdout == FINISHED
    assert container.stderr.count(UNTOLD) == 1


def test_without_proc_a_start_script_dies_of_the_signal_and_its_application_finishes(start: Start, form: str) -> None:
    container = start("app", **becomes(form, "umount -l /proc;", "/app/start.sh"), **MAY_MOUNT)
    assert stop(container) == 143
    assert container.stdout.startswith("app ready\napp got SIGTERM\n"), "told with the script, and perhaps in the sweep"
    assert container.stdout.endswith("app done\n")
    assert UNTOLD in container.stderr


#: Members of the group `gid` would see everybody; by default that is root's.
HIDDEN = "umount -l /proc; mount -t proc -o hidepid=2,gid=1 none /proc;"


def test_with_hidepid_processes_of_its_own_user_are_seen(start: Start, form: str) -> None:
    to_nobody = "exec setpriv --reuid 65534 --regid 65534 --clear-groups"
    options = becomes(form, HIDDEN, "/app/start.sh")
    options["entrypoint"][2] = f'{HIDDEN} {to_nobody} "$0" "$@"'
    container = start("app", **options, **MAY_MOUNT)
    assert stop(container) == 7
    assert container.stdout == SCRIPT_FINISHED
    assert HELD_BACK in container.stderr


def test_with_hidepid_an_application_of_another_user_finishes(start: Start, form: str) -> None:
    """Root without CAP_SYS_PTRACE, which Docker does not give, sees only its own."""
    application = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "python3", "/app/app.py"]
    container = start("app", **becomes(form, HIDDEN, *application), **MAY_MOUNT)
    assert stop(container) == 7
    assert container.stdout == FINISHED
    assert UNTOLD in container.stderr


def test_with_stdin_stdout_and_stderr_closed_the_status_is_kept(start: Start, form: str) -> None:
    application = "exec python3 /app/app.py >/dev/shm/said 2>&1"
    line = "exec <&- >&- 2>&-;"
    container = start("app", **becomes(form, line, "sh", "-c", application), environment={"PYINIT_LOG_LEVEL": "debug"})
    container.wait_for_file("/dev/shm/said", "app ready\n")  # noqa: S108 - in the container
    container.stop()
    assert container.wait() == 7
    assert (container.stdout, container.stderr) == ("", "")


# --- limits that are reached, and words that are not the command's; with cgroups of their own in tests/hostile ---

#: The programs of tests/hostile, in the container.
PROGRAMS: dict[str, Any] = {"volumes": {str(ROOT / "tests" / "hostile"): {"bind": "/hostile", "mode": "ro"}}}


def test_a_fork_bomb_at_the_limit_of_processes_is_outlived(start: Start, form: str) -> None:
    line = "python3 -IS /hostile/bomb.py & exec python3 -IS /app/app.py"
    environment = {"PYINIT_GRACE_PERIOD": "3"}
    container = start("app", entrypoint=[form, "--", "sh", "-c", line], pids_limit=24, environment=environment, **PROGRAMS)
    container.wait_for_output("app ready")
    wait_until(lambda: len(container.processes()) >= 24, "the limit is reached")
    container.kill("TERM")
    assert container.wait() == 7
    assert container.stdout == FINISHED
    assert "fault" not in container.stderr


def test_who_is_killed_for_want_of_memory_is_reaped_and_the_application_goes_on(start: Start, form: str) -> None:
    line = "for i in 1 2 3; do python3 -IS /hostile/eater.py; echo eaten $?; done; exec python3 -IS /app/app.py"
    memory = {"mem_limit": "48m", "memswap_limit": "48m"}
    container = start("app", entrypoint=[form, "--", "sh", "-c", line], **memory, **PROGRAMS)
    assert stop(container) == 7
    assert container.stdout == "eaten 137\n" * 3 + FINISHED


def test_a_command_that_is_killed_for_want_of_memory_is_told_by_its_status(start: Start, form: str) -> None:
    memory = {"mem_limit": "48m", "memswap_limit": "48m"}
    container = start("app", entrypoint=[form, "--", "python3", "-IS", "/hostile/eater.py"], **memory, **PROGRAMS)
    assert container.wait() == 137


def test_docker_exec_cannot_speak_for_the_command(start: Start, form: str) -> None:
    environment = {"PYINIT_READY": "notify", "PYINIT_LOG_LEVEL": "debug"}
    container = start("app", ["python3", "/app/app.py"], entrypoint=[form, "--"], environment=environment)
    container.wait_for_output("app ready")
    lie = """
import os, socket
for pid in filter(str.isdigit, os.listdir("/proc")):
    for entry in open(f"/proc/{pid}/environ", "rb").read().split(b"\\0"):
        if entry.startswith(b"NOTIFY_SOCKET=@"):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            made.sendto(b"READY=1", b"\\0" + entry[15:])
            made.recv(1)  # stays, so that it can be seen who it is
"""
    container.container.exec_run(["python3", "-c", lie], detach=True)
    wait_until(lambda: "is none of ours" in container.stderr, "it is not believed")
    found = json.loads(container.run("/pyinit", "--status", "--json"))
    assert found["readiness"]["state"] == "waiting"
    assert stop(container) == 7
