"""PURE. What is answered: the state of PID 1 and a path to a status and a small JSON body, and to the bytes of HTTP."""

from pyinit.health import readiness
from pyinit.health.request import NOT_ALLOWED, Asked, Refused
from pyinit.log import json_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyinit.page import State

READYZ, LIVEZ, STARTUPZ = "/readyz", "/livez", "/startupz"

OK, NOT_FOUND, TIMED_OUT, UNAVAILABLE = 200, 404, 408, 503

REASONS = {
    200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
    414: "URI Too Long", 431: "Request Header Fields Too Large", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip


def answer(asked: Asked | Refused, state: "State", has_targets: bool, now: float) -> bytes:
    """The answer to a request. `has_targets` is whether anybody has said what ready is."""
    if isinstance(asked, Refused):
        return refusal(asked.status)
    status = status_of(asked.path, state, has_targets)
    if status == NOT_FOUND:
        return refusal(NOT_FOUND, asked.has_body)
    return _response(status, body(status, state, now), asked.has_body)


def refusal(status: int, has_body: bool = True) -> bytes:
    """The answer to what is not answered otherwise."""
    members: dict[str, object] = {"status": REASONS[status].lower()}
    if status == NOT_FOUND:
        members["paths"] = [LIVEZ, READYZ, STARTUPZ]
    return _response(status, members, has_body)


def status_of(path: str, state: "State", has_targets: bool) -> int:
    """The status for a path: who asks looks at nothing else, as a rule."""
    if path == LIVEZ:
        return OK  # PID 1 lives, or we would not: throughout a stop as well, for a restart would cut it short
    if path == STARTUPZ:
        return UNAVAILABLE if has_targets and state.first_ready_at is None else OK
    if path == READYZ:
        return OK if readiness.is_ready(state.readiness) else UNAVAILABLE
    return NOT_FOUND


def body(status: int, state: "State", now: float) -> dict[str, object]:
    """What the body tells; times are seconds."""
    return {
        "status": "ok" if status == OK else "unavailable",
        "phase": state.phase,
        "phase_seconds": max(0.0, now - state.phase_since),
        "readiness": state.readiness,
        "readiness_seconds": max(0.0, now - (state.started_at if state.readiness_since is None else state.readiness_since)),
        "reason": state.reason,
    }


def _response(status: int, members: dict[str, object], has_body: bool) -> bytes:
    content = json_object(members).encode() + b"\n"
    allow = "Allow: GET, HEAD\r\n" if status == NOT_ALLOWED else ""
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        f"Cache-Control: no-store\r\n{allow}Connection: close\r\n\r\n"
    )
    return head.encode() + (content if has_body else b"")
