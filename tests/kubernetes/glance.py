"""What `kubectl describe pod` shows of a container's end, for docs/kubernetes.md: `python -m tests.kubernetes.glance`."""

import re
import sys
from typing import Any

from tests.kubernetes.cluster import NoCluster, cluster
from tests.kubernetes.containers import LIVENESS, shop, small
from tests.kubernetes.deployment import namespace
from tests.kubernetes.page import PAGE, write_part
from tests.kubernetes.rollout import observed
from tests.kubernetes.stage import PATIENCE, Stage
from tests.waiting import wait_until

#: What happens, in the words of the table; the container; the seconds of the pod; and whether it falls sick.
CASES: tuple[tuple[str, dict[str, Any], int, bool], ...] = (
    ("fails its liveness probe, and is stopped", shop("PYINIT_PRE_STOP_DELAY=2", livenessProbe=LIVENESS), 30, True),
    ("the same, and the pod has 4 s, `auto`", shop("PYINIT_STOP_TIMEOUT=", livenessProbe=LIVENESS), 4, True),
    (
        "is not ready within `PYINIT_START_TIMEOUT`, 3 s",
        shop("PYINIT_READY=http://127.0.0.1:8080/missing", "PYINIT_START_TIMEOUT=3"),
        30,
        False,
    ),
    ("a mistake in a variable", shop("PYINIT_PRE_STOP_DELAY=soon"), 30, False),
    ("the command is not there", shop(args=["gunicron", "shop:app"]), 30, False),
    ("ends by itself", small(command=["sh", "-c", "exit 3"]), 30, False),
    (
        "a child is killed for want of memory",
        small(command=["sh", "-c", "tail /dev/zero; exit 3"], resources={"limits": {"memory": "48Mi"}}),
        30,
        False,
    ),
)


def described(text: str) -> dict[str, str]:
    """The fields of a container's last end, of what `kubectl describe pod` says. A message may have several lines."""
    part = re.search(r"^ +(?:Last )?State: +Terminated\n(.*?)^ +Started:", text, re.DOTALL | re.MULTILINE)
    assert part, text
    found: dict[str, str] = {}
    name = ""
    for line in part[1].splitlines():
        if field := re.match(r" +(Reason|Message|Exit Code): +(.*)", line):
            name, found[field[1]] = field[1], field[2]
        elif name:
            found[name] += f" {line.strip()}"
    return {name: value.strip() for name, value in found.items()}


def row(stage: Stage, number: int) -> str:
    """One case, as a line of the table."""
    what, container, seconds, falls_sick = CASES[number]
    name = f"case-{number}"
    policy = "Always" if falls_sick else "Never"
    spec: dict[str, Any] = {"restartPolicy": policy, "terminationGracePeriodSeconds": seconds}
    if "command" in container:
        spec["runtimeClassName"] = "pyinit"
    pod = stage.start(name, container, **spec)
    if falls_sick:
        stage.fall_sick(pod)
    wait_until(lambda: "Terminated" in stage.kubectl("describe", "pod", name), f"{name} has ended", PATIENCE, pause=0.5)
    said = described(stage.kubectl("describe", "pod", name))
    message = said.get("Message", "")
    return f"| {what} | {said['Reason']} | {said['Exit Code']} | {f'`{message}`' if message else ''} |"


def main() -> None:
    """Print the table into the page."""
    try:
        with cluster() as one, observed(one) as observer, namespace(one, "glance") as unique:
            stage = Stage(observer, unique)
            rows = [row(stage, number) for number in range(len(CASES))]
    except NoCluster as error:
        sys.exit(f"tests.kubernetes.glance: {error}")
    head = ["| what happens | Reason | Exit Code | Message |", "|---|---|---:|---|"]
    text = "\n".join([*head, *rows]) + "\n"
    print(text)
    page = write_part(PAGE.read_text(encoding="utf-8"), "describe", text, "python -m tests.kubernetes.glance")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
