"""PURE. Times as the formats write them, in seconds; None where one cannot be known."""

from __future__ import annotations

import re

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def go(text: str) -> float | None:
    """A duration of Go: "1m30s", "1.5h", "500ms"; Compose, Nomad, fly.toml and nginx have nearly the same."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(us|ms|s|min|sec|m|h|d)", text.strip())
    whole = "".join(number + unit for number, unit in parts)
    return sum(float(number) * UNITS[unit] for number, unit in parts) if parts and whole == re.sub(r"\s", "", text) else None


def seconds(text: str) -> float | None:
    """Seconds, as a number or with a unit."""
    try:
        return float(text)
    except ValueError:
        return go(text)


def shown(value: float) -> str:
    """Seconds as a reader wants them: 20, 2.5."""
    return f"{value:g}"


def total(parts: list[float], limit: float, sign: str = ">") -> str:
    """The sum as the reader does it: "20 + 20 + 2 > 30"."""
    return f"{' + '.join(shown(part) for part in parts)} {sign} {shown(limit)}"
