"""What a page says of a rule."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

#: How --fix mends a finding: without changing anything else; in a way that somebody should look at; not at all.
SAFE, UNSAFE, NONE = "safe", "unsafe", ""


#: Columns of a page's text.
WIDTH = 100


@dataclass(frozen=True)
class Rule:
    """A rule: its id, severity and title in a few words; and its page.

    `bad` and `good` are files by their names: the rule finds something in the one and nothing in the other, which the tests
    try.
    """

    id: str
    severity: str
    title: str
    why: str
    bad: dict[str, str]
    good: dict[str, str]
    source: str
    fix: str = NONE


def page(rule: Rule) -> str:
    """A rule's page, as Markdown."""
    how = {SAFE: ", mended by `--fix`", UNSAFE: ", mended by `--unsafe-fixes`", NONE: ""}[rule.fix]
    lines = [
        f"### {rule.id}: {rule.title}",
        "",
        f"{rule.severity}{how}",
        "",
        textwrap.fill(rule.why, WIDTH, break_on_hyphens=False),
        "",
        "Bad:",
        "",
        *_files(rule.bad),
    ]
    lines += ["Good:", "", *_files(rule.good), f"Source: {rule.source}", ""]
    return "\n".join(lines)


def _files(files: dict[str, str]) -> list[str]:
    lines = []
    for name, text in files.items():
        kind = (
            "dockerfile"
            if "Dockerfile" in name
            else {"sh": "sh", "yaml": "yaml", "json": "json", "toml": "toml"}.get(name.rpartition(".")[2], "ini")
        )
        lines += [f"`{name}`", f"```{kind}", text.rstrip("\n"), "```", ""]
    return lines


def deployment(container: str = "", pod: str = "", spec: str = "", *more: str, image: str = "example.org/shop:1") -> str:
    """A Deployment of one container, and further documents. Each part is YAML, indented by itself."""
    parts = ["apiVersion: apps/v1", "kind: Deployment", "metadata:", "  name: shop", "spec:"]
    parts += ["  selector:", "    matchLabels: {app: shop}", *_indented(spec, 2)]
    parts += ["  template:", "    metadata:", "      labels: {app: shop}", "    spec:", *_indented(pod, 6)]
    parts += ["      containers:", "        - name: shop", f"          image: {image}", *_indented(container, 10)]
    text = "\n".join(parts) + "\n"
    return text + "".join(f"---\n{document}" for document in more)


def _indented(text: str, by: int) -> list[str]:
    return [" " * by + line for line in text.strip("\n").splitlines() if line.strip()]


SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: shop
spec:
  selector: {app: shop}
  ports:
    - port: 80
      targetPort: 8080
"""

INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
spec:
  ingressClassName: alb
  defaultBackend:
    service: {name: shop, port: {number: 80}}
"""

PORT = "ports: [{containerPort: 8080}]\n"
