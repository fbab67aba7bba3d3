"""The rules of pyinit-check, applied to what an image says of itself and to the file that it is described in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pyinit.check import bases
from pyinit.rehearse import compose, pod
from pyinit.rehearse.advice import Change
from pyinit.rehearse.checked import SHOWN, Inside, changes, written
from pyinit.rehearse.subject import Subject, complete

SCRIPT = "#!/bin/sh\nset -e\ngunicorn app\n"


def proposed(config: dict[str, Any], scripts: dict[str, str] | None = None, subject: Subject | None = None) -> list[Change]:
    found = complete(subject or Subject("shop:1.4"), {"Config": config, "Architecture": "amd64"})
    return changes(found, config, Inside(scripts or {}, bases.DASH))


def the(found: list[Change], rule: str) -> Change:
    (one,) = [change for change in found if change.rule == rule]
    return one


def test_the_shell_form_becomes_an_array_by_the_rule_that_says_so() -> None:
    change = the(proposed({"Cmd": ["/bin/sh", "-c", "gunicorn app:app"], "ExposedPorts": {"8000/tcp": {}}}), "PI101")
    assert change.says.startswith(f"PI101, {SHOWN}: the shell form keeps a shell as PID 1, and gunicorn is its child")
    assert change.diff[:2] == (f"--- {SHOWN}", f"+++ {SHOWN}")
    assert "-CMD gunicorn app:app" in change.diff
    assert '+CMD ["gunicorn", "app:app"]' in change.diff


def test_a_start_script_of_the_image_gets_its_exec() -> None:
    config = {"Entrypoint": ["/app/start.sh"], "Cmd": ["x"], "WorkingDir": "/app"}
    change = the(proposed(config, {"/app/start.sh": SCRIPT}), "PI201")
    assert "app/start.sh:3" in change.says
    assert "+exec gunicorn app" in change.diff
    assert "-gunicorn app" in change.diff


@pytest.mark.parametrize("declared", ["SIGTERM", ""])
def test_the_stop_signal_of_nginx_is_mended_whether_one_is_declared_or_not(declared: str) -> None:
    config = {"Cmd": ["nginx", "-g", "daemon off;"], "StopSignal": declared}
    change = the(proposed(config), "PI104")
    assert "+STOPSIGNAL SIGQUIT" in change.diff
    assert ("-STOPSIGNAL SIGTERM" in change.diff) == bool(declared)


def test_what_is_well_gets_no_advice() -> None:
    assert proposed({"Entrypoint": ["/usr/bin/tini", "--"], "Cmd": ["gunicorn", "app"], "ExposedPorts": {"80/tcp": {}}}) == []


def test_the_file_that_describes_a_service_is_checked_for_this_service_only(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    service = "{image: shop, stop_grace_period: 0s}"
    file.write_text(f"services:\n  web: {service}\n  other: {service}\n")
    subject = replace(compose.read(file, "web"), file=str(file))
    change = the(proposed({"Cmd": ["gunicorn", "app"]}, subject=subject), "PI304")
    assert f"{file}:2" in change.says


def test_a_manifest_of_kubernetes_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n"
        "  selector: {matchLabels: {app: shop}}\n  template:\n    spec:\n"
        "      terminationGracePeriodSeconds: 0\n      containers:\n      - {name: web, image: shop}\n"
    )
    subject = replace(pod.read(file, "web"), file=str(file))
    assert "PI304" in {change.rule for change in proposed({"Cmd": ["gunicorn", "app"]}, subject=subject)}


def test_values_of_an_image_are_written_so_that_they_are_read_as_they_are() -> None:
    text = written({"Env": ['A=$B "x" \\', "C=two\nlines"]}, (), ("a b", "c"), {})
    assert text == 'FROM what-it-is-built-on\nENV A="\\$B \\"x\\" \\\\"\nCMD ["a b", "c"]\n'


def test_a_healthcheck_is_written_in_its_form() -> None:
    shell = {"Test": ["CMD-SHELL", "curl -f localhost"], "Interval": 5 * 10**9}
    assert "HEALTHCHECK --interval=5s CMD curl -f localhost\n" in written({"Healthcheck": shell}, (), (), {})
    assert 'HEALTHCHECK CMD ["true"]\n' in written({"Healthcheck": {"Test": ["CMD", "true"]}}, (), (), {})
    assert "HEALTHCHECK NONE\n" in written({"Healthcheck": {"Test": ["NONE"]}}, (), (), {})
