"""Waiting for a condition, with a limit. Tests wait for what they need and never for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

#: Seconds. Far more than anything here needs, so that only what never happens runs into it.
PATIENCE = 20.0


def wait_until(find: Callable[[], Found | None], what: str, timeout: float = PATIENCE, pause: float = 0.005) -> Found:
    """Call `find` until it returns something true, and return that; fail after `timeout` seconds. `pause` is between calls."""
    deadline = time.monotonic() + timeout
    while True:
        found = find()
        if found:
            return found
        assert time.monotonic() < deadline, f"still not after {timeout} s: {what}"
        time.sleep(pause)
