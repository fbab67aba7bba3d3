"""PURE. What load balancers need before they have noticed that a pod goes: the table of docker/kubernetes/README.md.

    python3 -m pyinit.check.balancers

The minimum is the shortest wait that somebody found sufficient, the maximum the longest that somebody asked for, where these
are above pyinit's defaults; `why` is Markdown, with the sources.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

#: Seconds that the table takes for finishing, and what it adds to that and to the maximum.
TO_FINISH, SPARE = 20, 5


@dataclass(frozen=True)
class Row:
    """A load balancer: seconds of delay at least and at most, and why."""

    name: str
    minimum: int
    maximum: int
    why: str

    @property
    def allowed(self) -> int:
        """Seconds of terminationGracePeriodSeconds for an application that finishes within TO_FINISH."""
        return self.maximum + TO_FINISH + SPARE


IPTABLES, IPVS, NFTABLES, CILIUM = "kube-proxy, iptables", "kube-proxy, IPVS", "kube-proxy, nftables", "Cilium"
INGRESS_NGINX, TRAEFIK, HAPROXY, ENVOY = "ingress-nginx", "Traefik", "HAProxy Ingress", "Envoy, Istio sidecar"
ALB, NLB, NEG = "AWS ALB", "AWS NLB", "GKE, container-native (NEG)"
AGIC, AZURE = "Azure Application Gateway (AGIC)", "Azure Load Balancer"

#: Load balancers of clouds, which learn late.
OF_CLOUDS = (ALB, NLB, NEG, AGIC, AZURE)

ROWS = (
    Row(
        IPTABLES,
        5,
        20,
        "A change waits for [`minSyncPeriod`, 1 s](https://kubernetes.io/docs/reference/networking/virtual-ips/), and"
        " longer in very large clusters. [3 s](https://github.com/kubernetes/kubernetes/issues/43576) were found "
        "sufficient; the EKS guide suggests "
        "[10](https://github.com/aws/aws-eks-best-practices/blob/1e238c77f9e14811d4fd3e3722e023903928d9f8/content/networking/loadbalancing/loadbalancing.md)."
        " Elastic waits [50](https://elastic.co/guide/en/cloud-on-k8s/current/k8s-prestop.html) for the "
        "resynchronization every 30 s, but that is not what brings changes in.",
    ),
    Row(
        IPVS,
        5,
        20,
        "No published figure; the default.",
    ),
    Row(
        NFTABLES,
        5,
        20,
        "No published figure; the default.",
    ),
    Row(
        CILIUM,
        5,
        20,
        "[The same race](https://github.com/cilium/cilium/pull/45593); no published figure; the default. [Open "
        "connections may go "
        "on](https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/#graceful-termination), new ones are "
        "sent elsewhere.",
    ),
    Row(
        INGRESS_NGINX,
        5,
        20,
        "A maintainer suggests [5](https://github.com/kubernetes/ingress-nginx/issues/3639); the endpoints reach all "
        'workers [up to 1 s](https://github.com/kubernetes/ingress-nginx/issues/3335) after the log line "Dynamic '
        'reconfiguration succeeded".',
    ),
    Row(
        TRAEFIK,
        5,
        30,
        "Changes are taken in [at most every 2 "
        "s](https://doc.traefik.io/traefik/v3.8/reference/install-configuration/providers/kubernetes/kubernetes-ingress/)."
        " A maintainer [wants a preStop hook](https://github.com/traefik/traefik/issues/4452) and names no figure; "
        "one project found 5 too short and went to [30](https://github.com/mattrobinsonsre/terrapod/pull/222).",
    ),
    Row(
        HAPROXY,
        5,
        20,
        "No published figure; the default. It waits [200 ms before an update and reloads at most every 2 "
        "s](https://github.com/jcmoraisjr/haproxy-ingress/blob/099b1f64b6c5a5fc3c48514f9d2e671b826acd71/docs/content/en/docs/configuration/command-line.md).",
    ),
    Row(
        ENVOY,
        5,
        20,
        "No published figure; the default. But the sidecar must outlive the delay: see below.",
    ),
    Row(
        ALB,
        25,
        70,
        "[25 s](https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1064) lost nothing for one "
        "user. For another 15 s were too short, and [60](https://github.com/alphagov/govuk-helm-charts/pull/2202) "
        "were chosen. A third still lost a little after 40 s and nothing after "
        "[70](https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2106), with target type "
        "instance.",
    ),
    Row(
        NLB,
        120,
        180,
        "New connections come for [about 120 s](https://github.com/aws/containers-roadmap/issues/470) after the "
        "deregistration, [whatever its delay is set "
        "to](https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2366); one plan sleeps "
        "[180](https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2131).",
    ),
    Row(
        NEG,
        40,
        60,
        "Google's example sleeps "
        "[40](https://cloud.google.com/knowledge/kb/502-503-errors-on-external-http-s-load-balancer-000006416), and "
        "its guide asks for a termination grace period of [60 or "
        "more](https://github.com/kubernetes/ingress-gce/issues/1072).",
    ),
    Row(
        AGIC,
        40,
        120,
        "An update takes [about 40 s](https://github.com/Azure/application-gateway-kubernetes-ingress/issues/75), or "
        "between a second and a few minutes; the guide sleeps [at least "
        "90](https://github.com/Azure/application-gateway-kubernetes-ingress/blob/14d6b732ae36678defc6fcf16883a704684ca017/docs/how-tos/minimize-downtime-during-deployments.md).",
    ),
    Row(
        AZURE,
        10,
        20,
        "With `externalTrafficPolicy: Local` its probes take up to 10 s to notice: wait [at least "
        "10](https://github.com/Azure/AKS/blob/1cf4d0f994a9617dc8dd0996023561ed48b8aaa6/blog/_posts/2025-04-04-optimize-aks-traffic-with-externaltrafficpolicy-local.md),"
        " and more where you have set their interval. With `Cluster` it sends to nodes: the row of kube-proxy counts.",
    ),
)

BY_NAME = {row.name: row for row in ROWS}


def table() -> str:
    """The table of docker/kubernetes/README.md."""
    lines = ["| load balancer | min | max | `terminationGracePeriodSeconds` | why |", "|---|---:|---:|---:|---|"]
    lines += [f"| {row.name} | {row.minimum} | {row.maximum} | {row.allowed} | {row.why} |" for row in ROWS]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
