"""The command `pyinit-check`: options, files, findings, fixes, and the exit status: 0 nothing, 1 findings, 2 wrong use."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from pyinit import __version__
from pyinit.check import bases, check, fix, sources
from pyinit.check.chain import Project
from pyinit.check.config import BadConfig, Config, load
from pyinit.check.files import Files
from pyinit.check.model import SEVERITIES, Finding
from pyinit.check.output import FORMATS, Result, formatter
from pyinit.check.pages import BY_ID, RULES
from pyinit.check.pages.rule import page

OK, FOUND, USAGE = 0, 1, 2

#: What standard input is called in findings.
STDIN_NAME = "<stdin>"

#: --fail-on: findings that are at least so severe fail the run.
FAIL_ON = (*SEVERITIES, "never")


class UsageError(Exception):
    """What the user wants cannot be done; the message is one line."""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="pyinit-check",
        description="Read Dockerfiles, start scripts and manifests together, and say what will go wrong at the next rollout.",
        epilog="Exit status: 0 nothing found, 1 findings, 2 wrong use. Nothing is executed, and nothing fetched.",
    )
    made.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="files and folders; - is standard input (default: .)"
    )
    made.add_argument("--version", action="version", version=f"pyinit-check {__version__}")
    made.add_argument("--explain", metavar="RULE", help="print a rule's page; `all` prints every page")
    made.add_argument(
        "--select", metavar="RULES", action="append", help="only these: PI301, or PI3 for all that begin so; with commas"
    )
    made.add_argument("--ignore", metavar="RULES", action="append", help="not these")
    made.add_argument(
        "--fail-on", choices=FAIL_ON, help="exit with 1 where something is found that is at least so severe (warning)"
    )
    made.add_argument("--output-format", "--format", choices=FORMATS, default="text", help="text")
    made.add_argument("--output-file", metavar="FILE", help="write there, and not to standard output")
    made.add_argument("--fix", action="store_true", help="mend what can be mended without changing anything else")
    made.add_argument(
        "--unsafe-fixes", action="store_true", help="with --fix or --diff: mend what somebody should look at, too"
    )
    made.add_argument("--diff", action="store_true", help="show what --fix would do, and change nothing")
    made.add_argument(
        "--base-image-config",
        metavar="FILE|docker",
        action="append",
        help="what `docker image inspect` printed of base images: ENTRYPOINT, STOPSIGNAL; `docker` asks the local engine",
    )
    made.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="auto: where it is a terminal")
    return made


def _words(several: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(word.strip().upper() for text in several or () for word in text.split(",") if word.strip())


def explain(name: str) -> str:
    """The page of a rule. Raises UsageError where there is none."""
    if name.upper() == "ALL":
        return "\n".join(page(rule) for rule in RULES)
    if name.upper() not in BY_ID:
        raise UsageError(f"{name} is no rule; there are {', '.join(BY_ID)}")
    return page(BY_ID[name.upper()])


def known_bases(names: Sequence[str], references: Sequence[str]) -> dict[str, bases.Base]:
    """What image configs say of base images. Raises UsageError."""
    found: dict[str, bases.Base] = {}
    for name in names:
        if name == "docker":
            for reference in references:
                text = _inspect(reference)
                if text:
                    found[reference] = next(iter(bases.from_config(text).values()))
            continue
        try:
            with open(name, encoding="utf-8") as file:
                made = bases.from_config(file.read())
        except (OSError, ValueError) as error:
            raise UsageError(f"--base-image-config {name}: {error}") from None
        if "" in made and len(references) == 1:
            made[references[0]] = made[""]
        found.update(made)
    return found


def _inspect(reference: str) -> str:
    """What the local engine knows of an image that it has; nothing is pulled."""
    try:
        done = subprocess.run(
            ["docker", "image", "inspect", reference], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _references(project: Project) -> list[str]:
    found = [
        one.text.split()[0]
        for file in project.dockerfiles.values()
        for one in file.instructions
        if one.name == "FROM" and one.text
    ]
    return list(dict.fromkeys(name for name in found if "$" not in name))


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Check, and mend where that is asked for. Raises UsageError."""
    try:
        rules = check.selected(
            _words(arguments.select) or tuple(word.upper() for word in config.select),
            _words(arguments.ignore) + tuple(word.upper() for word in config.ignore),
        )
    except ValueError as error:
        raise UsageError(str(error)) from None
    fail_on = arguments.fail_on or config.fail_on
    if fail_on not in FAIL_ON:
        raise UsageError(f"fail-on: {fail_on!r} is none of {', '.join(FAIL_ON)}")
    texts = Files()
    paths = list(arguments.paths)
    if sources.STDIN in paths:
        if arguments.fix:
            raise UsageError("--fix: standard input cannot be mended; --diff shows what would be")
        texts.given[STDIN_NAME] = sys.stdin.buffer.read().decode("utf-8", "replace")
        paths = [STDIN_NAME if path == sources.STDIN else path for path in paths]
    try:
        project = sources.project_of(paths, texts, config.images, excluded=config.exclude)
    except sources.NoSuchPath as error:
        raise UsageError(str(error)) from None
    wanted = tuple(arguments.base_image_config or ()) + config.base_image_config
    if wanted:
        project.bases.update(known_bases(wanted, _references(project)))
    found, ignored = check.findings_of(project, rules)
    all_texts = {path: text for path, text in texts.texts.items() if text is not None} | texts.given
    if arguments.fix or arguments.diff:
        found = _mend(found, all_texts, arguments)
        if arguments.diff:
            return _status(found, fail_on)
    result = Result(tuple(found), len(ignored), project.checked, all_texts)
    _tell(result, arguments)
    return _status(found, fail_on)


def _mend(found: list[Finding], texts: dict[str, str], arguments: argparse.Namespace) -> list[Finding]:
    """Make the edits, or show them; what is left of the findings."""
    # What is no UTF-8 is left as it is: it could not be written as it was.
    readable = [one for one in found if all("\ufffd" not in texts[edit.path] for edit in one.edits)]
    edits = fix.edits_of(readable, unsafe=arguments.unsafe_fixes)
    for path in dict.fromkeys(edit.path for edit in edits):
        after = fix.applied(texts[path], [edit for edit in edits if edit.path == path])
        if arguments.diff:
            sys.stdout.write(fix.diff(path, texts[path], after))
        else:
            with open(path, "r+", encoding="utf-8", newline="") as file:
                file.seek(0)
                file.write(after)
                file.truncate()
    if arguments.diff:
        return found
    mended = [finding for finding in found if finding.edits and all(edit in edits for edit in finding.edits)]
    if mended:
        sys.stderr.write(f"pyinit-check: mended: {len(mended)}\n")
    return [finding for finding in found if finding not in mended]


def _status(found: list[Finding], fail_on: str) -> int:
    if fail_on == "never":
        return OK
    limit = SEVERITIES.index(fail_on)
    return FOUND if any(SEVERITIES.index(check.severity(finding)) <= limit for finding in found) else OK


def _tell(result: Result, arguments: argparse.Namespace) -> None:
    stream = open(arguments.output_file, "w", encoding="utf-8") if arguments.output_file else sys.stdout  # noqa: SIM115 - closed below
    try:
        if arguments.output_format == "text":
            from pyinit.check.output import text  # only here: rich takes a while to import

            text.write(result, stream, colour={"always": True, "never": False}.get(arguments.color))
        else:
            stream.write(formatter(arguments.output_format)(result))
    finally:
        if arguments.output_file:
            stream.close()


def main(words: Sequence[str]) -> int:
    """Run the command, and return its exit status."""
    arguments = parser().parse_args(words)
    try:
        if arguments.explain:
            sys.stdout.write(explain(arguments.explain))
            return OK
        return run(arguments, load(_start(arguments.paths)))
    except (UsageError, BadConfig) as error:
        sys.stderr.write(f"pyinit-check: error: {error}\n")
        return USAGE
    except OSError as error:
        sys.stderr.write(f"pyinit-check: error: {error.filename or ''}: {error.strerror or error}\n")
        return USAGE


def _start(paths: Sequence[str]) -> str:
    """Where the configuration is looked for: at the first path."""
    first = paths[0] if paths and paths[0] != sources.STDIN else "."
    return first if os.path.isdir(first) else os.path.dirname(first) or "."
