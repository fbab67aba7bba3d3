"""The pages of PI9..."""

from pyinit.check.model import INFO, WARNING
from pyinit.check.pages.rule import SAFE, Rule

RULES = (
    Rule(
        "PI901",
        INFO,
        "an ignore that ignores nothing",
        "The comment names a rule that finds nothing there any more. It would hide the next finding.",
        {"Dockerfile": '# pyinit: ignore=PI101 # it was in shell form once\nFROM alpine\nCMD ["/app"]\n'},
        {"Dockerfile": 'FROM alpine\nCMD ["/app"]\n'},
        "docs/check.md",
        SAFE,
    ),
    Rule(
        "PI902",
        WARNING,
        "a file that cannot be read",
        "A file of a kind that is checked is no YAML, JSON, HCL or TOML, so nothing is known of it. All others are checked.",
        {"compose.yaml": "services:\n  shop: [\n"},
        {"compose.yaml": "services:\n  shop:\n    image: example.org/shop:1\n"},
        "docs/check.md",
    ),
)
