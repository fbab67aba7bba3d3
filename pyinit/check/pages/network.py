"""The pages of PI5..."""

from pyinit.check.model import ERROR, INFO, WARNING
from pyinit.check.pages.orchestrator import APP, DELAY, PROBE, SLOW
from pyinit.check.pages.rule import INGRESS, PORT, SERVICE, Rule, deployment


def namespaced(text: str) -> str:
    """The documents in the namespace `shop`."""
    return text.replace("  name: shop\n", "  name: shop\n  namespace: shop\n")


NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"
READY = "minReadySeconds: 15"
AUTO = (
    "env:\n  - {name: PYINIT_PRE_STOP_DELAY, value: auto}\n  - {name: PYINIT_STOP_TIMEOUT, value: '45'}\n"
    "  - {name: PYINIT_GRACE_PERIOD, value: '20'}\n"
)

RULES = (
    Rule(
        "PI501",
        WARNING,
        "a delay that is shorter than the load balancer needs",
        "A load balancer learns of the stop later than the container. How much later is in the table of "
        "docker/kubernetes/README.md, by other "
        "people's figures. Nothing is said of Services that only kube-proxy serves, unless they say a delay.",
        {"deploy.yaml": deployment(PORT + PROBE + DELAY.replace("25", "5"), SLOW, READY, SERVICE, INGRESS)},
        {"deploy.yaml": deployment(PORT + PROBE + DELAY, SLOW, READY, SERVICE, INGRESS)},
        "docker/kubernetes/README.md names the source for each row",
    ),
    Rule(
        "PI502",
        WARNING,
        "a readiness gate is missing",
        "With target type ip the load balancer sends to the pods themselves, and takes some time to begin. A readiness gate "
        "holds the update up "
        "until it does; the controller adds it where the namespace has the label.",
        {"deploy.yaml": namespaced(deployment(PORT + PROBE + DELAY, SLOW, READY, SERVICE, INGRESS)) + "---\n" + NAMESPACE},
        {
            "deploy.yaml": namespaced(deployment(PORT + PROBE + DELAY, SLOW, READY, SERVICE, INGRESS))
            + "---\n"
            + NAMESPACE
            + "  labels: {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}\n"
        },
        "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate/",
    ),
    Rule(
        "PI503",
        ERROR,
        "a sidecar that leaves before the delay ends",
        "All containers of a pod are told at the same moment. A proxy that carries the traffic, or the connection to the "
        "database, and leaves at "
        "once takes the application's delay away. Native sidecars are stopped after the other containers.",
        {
            "deploy.yaml": deployment(DELAY.replace("25", "10")).replace(
                "      containers:\n",
                "      containers:\n        - name: sql\n          image: gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14\n",
            )
        },
        {
            "deploy.yaml": deployment(DELAY.replace("25", "10")).replace(
                "      containers:\n",
                "      initContainers:\n        - name: sql\n          image: "
                "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14\n"
                "          restartPolicy: Always\n      containers:\n",
            )
        },
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#termination-with-sidecars",
    ),
    Rule(
        "PI504",
        INFO,
        "readiness probes that hold `auto` up",
        "A probe is a connection. One that comes more often than the quiet time, to a port that counts, looks like a client "
        "that has not "
        "noticed yet, and the delay takes its maximum.",
        {
            "Dockerfile": APP,
            "deploy.yaml": deployment(AUTO + PORT + PROBE, "terminationGracePeriodSeconds: 45").replace(
                "port: 8080}}", "port: 8080}, periodSeconds: 5}"
            ),
        },
        {
            "Dockerfile": APP,
            "deploy.yaml": deployment(AUTO + PORT + PROBE, "terminationGracePeriodSeconds: 45").replace(
                "port: 8080}}", "port: 8080}, periodSeconds: 10}"
            ),
        },
        "docker/kubernetes/README.md, Probes",
    ),
    Rule(
        "PI505",
        INFO,
        "`auto` on the host's network",
        "There the traffic of all other containers is seen as well, so the delay is the maximum, unless PYINIT_PORTS names "
        "the ports.",
        {"Dockerfile": APP, "deploy.yaml": deployment(AUTO, "hostNetwork: true\nterminationGracePeriodSeconds: 45")},
        {
            "Dockerfile": APP,
            "deploy.yaml": deployment(
                AUTO + "  - {name: PYINIT_PORTS, value: '8080'}\n", "hostNetwork: true\nterminationGracePeriodSeconds: 45"
            ),
        },
        "docker/kubernetes/README.md, Security context",
    ),
)
