"""How hypothesis runs here: few examples, no time limit for one of them, and in CI always the same ones.

`make hostile` asks for far more of them, and new ones each time.
"""

import os

from hypothesis import HealthCheck, settings

IS_LONG = bool(os.environ.get("HOSTILE"))

settings.register_profile(
    "unit",
    deadline=None,  # a busy machine is no failure
    derandomize=bool(os.environ.get("CI")) and not IS_LONG,
    max_examples=5000 if IS_LONG else 100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("unit")
