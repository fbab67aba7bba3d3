"""Who is in a container, by the ps(1) of the engine's machine: it needs neither a shell nor a ps in the image."""

from collections.abc import Mapping

from docker.errors import APIError
from docker.models.containers import Container

from pyinit.rehearse.crew import COLUMNS, Crew, parse


def look(container: Container, state: Mapping[str, object]) -> Crew | None:
    """Who is in a running container, by its state as inspected; None where the engine's machine has another ps(1)."""
    try:
        shown = container.top(ps_args=f"-eo {','.join(COLUMNS)}")
        return parse(shown["Processes"], int(str(state["Pid"])))
    except (APIError, ValueError, KeyError):
        return None
