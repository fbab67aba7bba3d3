"""How hypothesis runs here: few examples, no time limit for one of them, and in CI always the same ones."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "unit",
    deadline=None,  # a busy machine is no failure
    derandomize=bool(os.environ.get("CI")),
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unit")
