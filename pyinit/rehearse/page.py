"""PURE. The report as one file of HTML, for somebody who has never heard of PID 1: no script, nothing from elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from pyinit.rehearse import table
from pyinit.rehearse.document import arms_of, others_than_pyinit
from pyinit.rehearse.result import Trial
from pyinit.rehearse.timeline import Variant, strip, svg

STYLE = """
:root { color-scheme: light dark; --red: #d1242f; --green: #1a7f37; --grey: #6e7781; --line: #8c959f55 }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; max-width: 62rem; margin: 2rem auto;
       padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.verdict { padding: .8rem 1rem; border-left: .4rem solid var(--grey); background: #8c959f22; font-weight: 600 }
.well { border-color: var(--green) } .lost { border-color: var(--red) }
table { border-collapse: collapse } th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left } tr.loss td { color: var(--red); font-weight: 600 }
.scroll { overflow-x: auto } svg { max-width: 100%; height: auto }
pre { padding: .8rem; background: #8c959f22; overflow-x: auto; font-size: .85rem }
ins { color: var(--green); text-decoration: none } del { color: var(--red); text-decoration: none }
dt { font-weight: 600 } dd { margin: 0 0 .6rem 0 } .small { color: var(--grey); font-size: .9rem }
"""

#: What a reader has to know.
GLOSSARY = """<dl>
<dt>What was done</dt>
<dd>A container of the image served requests. A second one was started beside it, and the first one was asked to stop, as in a
rolling update. Some simulated routers sent requests at a constant rate all the time. Each of them stopped sending to the old
container at its own moment, a little after the stop request, because real load balancers learn of a stop late. Then the same
was done again with pyinit in front of the command.</dd>
<dt>PID 1</dt>
<dd>The first process of a container. It gets the stop signal, and nobody else does. If it has no handler for the signal, the
kernel drops it. When it ends, all other processes of the container are killed at once.</dd>
<dt>Stop signal, grace period, SIGKILL</dt>
<dd>The stop signal asks a program to finish its work and to end. Whoever has not ended when the grace period is over gets
SIGKILL, which ends it in the middle of whatever it does.</dd>
<dt>At risk</dt>
<dd>Requests that the stop could have cost: those under way to the old container when the stop was requested, those sent to it
after that, and those that the new one got before it had ever answered.</dd>
<dt>95 % confidence</dt>
<dd>Where none of n requests was lost, the true share of losses is below 3/n with 95 % confidence. More rounds (--rounds) give a
smaller bound.</dd>
</dl>"""


def page(document: Mapping[str, Any], trials: Sequence[Trial]) -> str:
    """The report. A document of a failure has its reason alone."""
    verdict = document["verdict"]
    style = {0: "well", 1: "lost"}.get(verdict["exit_status"], "")
    title = f"Rehearsal of a rollout: {document['subject']['image']}" if "subject" in document else "Rehearsal of a rollout"
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="verdict {style}">{escape(verdict["says"])}</p>']
    if "arms" in document:
        parts += _body(document, trials)
    elif document["log"]:
        parts += ["<h2>The last lines of its log</h2>", f"<pre>{escape(chr(10).join(document['log']))}</pre>"]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n' + "\n".join(
        [*parts, "</body></html>", ""]
    )


def _body(document: Mapping[str, Any], trials: Sequence[Trial]) -> list[str]:
    orchestrator, load, arms = document["orchestrator"], document["load"], arms_of(document)
    where = f"{load['rate']:.0f} requests/s to port {load['port']} ({table.protocol(load)})" if load["port"] else "no port"
    how = f"Stopped as by {orchestrator['name']}: {orchestrator['signal']}, SIGKILL after {orchestrator['grace']:g} s; {where}."
    parts = [f"<p>{escape(how)}</p>", _table(document, arms)]
    worst = [_worst([trial for trial in trials if trial.arm == arm["name"]]) for arm in arms]
    if any(trial.outcomes for trial in worst):
        parts.append("<h2>What became of the requests, second by second</h2>")
        parts.append(strip([Variant(trial.arm, trial.outcomes, trial.marks) for trial in worst]))
        parts += [svg(f"{trial.arm}, round {trial.round}", trial.outcomes, trial.marks) for trial in worst]
    for arm in others_than_pyinit(document):
        if arm["faults"]:
            parts.append(f"<h2>What is wrong, {escape(arm['name'])}</h2>")
            parts.append(
                _list(f"<b>{escape(one['name'])}</b>: {escape(one['says'])} {escape(one['proof'])}" for one in arm["faults"])
            )
    for number, change in enumerate(document["changes"], 1):
        rule = f'<a href="{escape(change["link"])}">{escape(change["rule"])}</a>: ' if change["rule"] and change["link"] else ""
        diff = _diff(change["diff"]) if change["diff"] else ""
        parts.append(f"<h2>Change {number}</h2><p>{rule}{escape(change['says'])}</p>{diff}")
    not_cured = [f"{one['says']} {one['proof']}" for one in document["not_cured"]]
    for heading, lines in (
        ("What pyinit does not cure", not_cured),
        ("Doubts", document["doubts"]),
        ("Cross-check", document["disagreements"]),
        ("Notes", document["subject"]["notes"]),
    ):
        if lines:
            parts.append(f"<h2>{heading}</h2>{_list(map(escape, lines))}")
    source = f"Source of the way to stop: {escape(orchestrator['source'])}"
    parts += [
        "<h2>How to read this</h2>",
        GLOSSARY,
        f'<p class="small">pyinit-rehearse {escape(document["version"])}. {source}</p>',
    ]
    return parts


def _worst(trials: Sequence[Trial]) -> Trial:
    """The trial of an arm that lost most."""
    return max(trials, key=lambda trial: sum(one.is_lost for one in trial.outcomes))


def _table(document: Mapping[str, Any], arms: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(arm['name'])}</th>" for arm in arms)
    rows = []
    for title, cells in table.rows(document):
        is_loss = title == "lost" and any(cell != "0" for cell in cells)
        columns = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        style = ' class="loss"' if is_loss else ""
        rows.append(f"<tr{style}><td>{escape(title.strip())}</td>{columns}</tr>")
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"


def _diff(lines: Sequence[str]) -> str:
    tags = {"+": "ins", "-": "del"}
    shown = [f"<{tag}>{escape(line)}</{tag}>" if (tag := tags.get(line[:1])) else escape(line) for line in lines]
    return f"<pre>{chr(10).join(shown)}</pre>"
