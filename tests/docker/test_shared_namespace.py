"""Containers with a PID namespace that is not their own: --pid container:OTHER, and pods that share theirs."""

from tests.docker.conftest import Start
from tests.docker.engine import FORMS
from tests.waiting import wait_until


def test_in_a_shared_pid_namespace_daemons_are_adopted_and_waited_for(start: Start) -> None:
    owner = start("app", ["sleep", "1000"])
    container = start("app", ["/app/daemon.sh"], pid_mode=f"container:{owner.container.id}")
    container.wait_for_output("app ready")
    container.wait_for_output("daemon ready")
    assert container.run("cat", "/proc/1/cmdline").endswith("sleep\0001000\0"), "the namespace is that of the other container"
    supervisor = container.parent_of("app.py --name daemon")
    assert "pyinit" in supervisor
    assert "sleep" not in supervisor
    container.stop()
    assert container.wait() == 7
    assert container.stdout.endswith("daemon done\n")
    assert owner.is_running


def test_in_a_shared_pid_namespace_a_python_without_ctypes_says_that_it_adopts_nobody(start: Start) -> None:
    owner = start("app", ["sleep", "1000"])
    container = start(
        "app", entrypoint=[FORMS["source"], "--"], command=["/app/start.sh"], pid_mode=f"container:{owner.container.id}"
    )
    container.wait_for_output("app ready")
    wait_until(lambda: "no subreaper" in container.stderr, "a warning")
    container.stop()
    assert container.wait() == 7
    assert container.stdout == "app ready\napp got SIGTERM\napp done\nstart.sh cleans up after 7\n"


def test_a_stop_leaves_the_others_of_a_shared_pid_namespace_alone(start: Start) -> None:
    owner = start("app", ["python3", "/app/app.py"])
    owner.wait_for_output("app ready")
    container = start("app", ["/app/daemon.sh"], pid_mode=f"container:{owner.container.id}")
    container.wait_for_output("daemon ready")
    container.wait_for_output("app ready")
    container.stop()
    assert container.wait() == 7
    assert owner.stdout == "app ready\n"
    owner.stop()
    assert owner.wait() == 7
    assert owner.stdout == "app ready\napp got SIGTERM\napp done\n"
