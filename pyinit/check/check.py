"""All rules on all subjects: findings in a fixed order, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pyinit.check import launch, script, suppress
from pyinit.check.chain import Project, Subject, subjects
from pyinit.check.launch import Launch, Step, Surroundings
from pyinit.check.model import SEVERITIES, At, Edit, Finding, Place
from pyinit.check.pages import BY_ID
from pyinit.check.rules import delays, image, inits, network, orchestrator, scripts

Check = Callable[[Subject], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    *image.CHECKS,
    *inits.CHECKS,
    *scripts.CHECKS,
    *delays.CHECKS,
    *orchestrator.CHECKS,
    *network.CHECKS,
)


def _id(check: Check) -> str:
    return check.__name__.upper()


def selected(select: tuple[str, ...], ignore: tuple[str, ...]) -> frozenset[str]:
    """The rules that are wanted: `PI3` stands for all that begin so. Raises ValueError for one that there is not."""
    for word in (*select, *ignore):
        if word != "ALL" and not any(rule.startswith(word) for rule in BY_ID):
            raise ValueError(f"{word} is no rule, nor the beginning of one: pyinit-check --explain all lists them")

    def matches(rule: str, words: tuple[str, ...]) -> int:
        return max(
            (len(word) + 1 if word != "ALL" else 1 for word in words if word == "ALL" or rule.startswith(word)), default=0
        )

    return frozenset(rule for rule in BY_ID if (matches(rule, select) if select else 1) > matches(rule, ignore))


def findings_of(project: Project, rules: frozenset[str]) -> tuple[list[Finding], list[Finding]]:
    """Findings that stand, and those that comments ignore. A rule that fails on one subject is told, and stops nothing else."""
    found: list[Finding] = []
    for subject in (*subjects(project), *_of_scripts(project)):
        for check in CHECKS:
            if _id(check) not in rules:
                continue
            try:
                found += check(subject)
            except Exception as error:  # noqa: BLE001 - a fault of ours in one place is told, and all others are checked
                place = subject.workload.place if subject.workload else (subject.image.place if subject.image else Place("?"))
                message = f"{_id(check)} failed here, which is a fault of pyinit-check: {type(error).__name__}: {error}"
                found.append(Finding("PI902", message, place))
    if "PI902" in rules:
        found += [Finding("PI902", fault.message, Place(fault.path, fault.line)) for fault in project.faults]
    texts = {path: text for path, text in project.files.texts.items() if text is not None} | project.files.given
    standing, ignored, unused = suppress.apply(once(found), texts, rules - {"PI901"})
    if "PI901" in rules:
        standing += [_unused(comment, texts[comment.place.path]) for comment in unused if _is_ours(comment.place.path, project)]
    return ordered(standing), ignored


def _is_ours(path: str, project: Project) -> bool:
    """Whether a file was checked as one of ours, and not just read."""
    return (
        path in project.dockerfiles
        or path in project.scripts
        or any(workload.place.path == path for workload in project.workloads)
        or any(one.place.path == path for one in project.objects)
    )


def _unused(comment: suppress.Ignore, text: str) -> Finding:
    named = suppress.COMMENT.search(text, comment.place.column - 1 if comment.start == 0 else comment.start)
    is_whole = named is not None and {word.strip() for word in named[2].split(",")} == set(comment.rules)
    return Finding(
        "PI901",
        f"{', '.join(comment.rules)}: there is nothing to ignore here",
        comment.place,
        mend="take the comment out",
        edits=(Edit(comment.place.path, comment.start, comment.end, ""),) if is_whole else (),
        is_safe=True,
    )


def _of_scripts(project: Project) -> Iterator[Subject]:
    """The scripts that the user has named, each as if it were what a container starts."""
    for path, parsed in project.scripts.items():
        line: launch.Line = (At(path, Place(path)),)
        step = Step(launch.SCRIPT, path.rpartition("/")[2], line, Place(path), _executes(parsed), parsed)
        yield Subject(project, Launch((step,), True), Surroundings(None, (), project.files))


def _executes(parsed: script.Script) -> bool:
    found = launch.tails(parsed.statements, parsed.functions)
    return bool(found) and all(tail.is_exec for tail in found)


def once(findings: list[Finding]) -> list[Finding]:
    """Each finding once: what several containers have in common is told for the first, with the longest chain."""
    made: dict[tuple[str, Place, str], Finding] = {}
    for finding in findings:
        key = (finding.rule, finding.place, finding.message)
        if key not in made:
            made[key] = finding
        elif len(finding.chain) > len(made[key].chain):
            made[key] = replace(finding, edits=made[key].edits or finding.edits, is_safe=made[key].is_safe)
    return list(made.values())


def ordered(findings: list[Finding]) -> list[Finding]:
    """By file, line and rule."""
    return sorted(findings, key=lambda finding: (finding.place.path, finding.place.line, finding.rule, finding.place.column))


def worst_first(findings: list[Finding]) -> list[Finding]:
    """By severity, then as ordered() has them."""
    return sorted(ordered(findings), key=lambda finding: SEVERITIES.index(severity(finding)))


def severity(finding: Finding) -> str:
    """The severity of a finding's rule."""
    return BY_ID[finding.rule].severity
