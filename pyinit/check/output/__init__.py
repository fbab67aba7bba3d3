"""How findings are told: for people, and for the programs of several houses. Each is a function from findings to a text."""

from __future__ import annotations

from pyinit.check.output.result import Format

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")


def formatter(name: str) -> Format:
    """The function of a format; text is not among them, for it is written with colours."""
    if name == "json":
        from pyinit.check.output import as_json

        return as_json.render
    if name == "sarif":
        from pyinit.check.output import sarif

        return sarif.render
    if name == "github":
        from pyinit.check.output import github

        return github.render
    if name == "gitlab":
        from pyinit.check.output import gitlab

        return gitlab.render
    from pyinit.check.output import junit

    return junit.render
