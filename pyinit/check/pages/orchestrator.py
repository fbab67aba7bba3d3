"""The pages of PI4..."""

from pyinit.check.model import ERROR, INFO, WARNING
from pyinit.check.pages.rule import INGRESS, PORT, SERVICE, Rule, deployment
from pyinit.check.pages.stops import OURS, compose

APP = OURS + 'CMD ["/app"]\n# docker build -t example.org/shop .\n'
DELAY = 'lifecycle: {preStop: {exec: {command: ["sleep", "25"]}}}\n'
SLOW = "terminationGracePeriodSeconds: 60"
DISTROLESS = 'FROM gcr.io/distroless/static\nCOPY shop /\nENTRYPOINT ["/shop"]\n# docker build -t example.org/shop .\n'
PROBE = "readinessProbe: {httpGet: {path: /ready, port: 8080}}\n"

RULES = (
    Rule(
        "PI401",
        ERROR,
        "the program of a preStop hook is not in the image",
        "An image without a shell has no `sleep` either. The hook fails, the kubelet writes an event, and goes on at once: "
        "there is no delay.",
        {
            "Dockerfile": DISTROLESS,
            "deploy.yaml": deployment('lifecycle: {preStop: {exec: {command: ["sleep", "10"]}}}'),
        },
        {
            "Dockerfile": DISTROLESS,
            "deploy.yaml": deployment("lifecycle: {preStop: {sleep: {seconds: 10}}}"),
        },
        "https://www.kubernetes.dev/resources/keps/3960/",
    ),
    Rule(
        "PI402",
        ERROR,
        "`command` replaces pyinit",
        "In a pod `command` stands for ENTRYPOINT and `args` for CMD. With `command` the image's pyinit is not started at all.",
        {"Dockerfile": APP, "deploy.yaml": deployment('command: ["gunicorn", "shop:app"]')},
        {"Dockerfile": APP, "deploy.yaml": deployment('args: ["gunicorn", "shop:app"]')},
        "https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/",
    ),
    Rule(
        "PI403",
        WARNING,
        "readiness that is missing, TCP only, or the same as liveness",
        "Without readiness a new pod gets traffic as soon as it runs, and the old one is stopped. By TCP it is the kernel "
        "that answers. And where "
        "liveness asks the same as readiness, and is as impatient, a busy pod is killed instead of being taken out.",
        {"deploy.yaml": deployment(PORT, "", "", SERVICE)},
        {"deploy.yaml": deployment(PORT + PROBE, "", "", SERVICE)},
        "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
    ),
    Rule(
        "PI404",
        WARNING,
        "readiness that fails at the stop request",
        "Kubernetes takes a pod that stops out of its Services by itself. While all pods of a Service are stopping it sends "
        "to those that are ready "
        "still: a readiness that falls at once leaves nobody.",
        {"Dockerfile": APP, "deploy.yaml": deployment("env: [{name: PYINIT_UNREADY_AT, value: request}]")},
        {"Dockerfile": APP, "deploy.yaml": deployment("env: [{name: PYINIT_READY, value: 'tcp:8080'}]")},
        "https://www.kubernetes.dev/resources/keps/1669/",
    ),
    Rule(
        "PI405",
        WARNING,
        "less time to start than pyinit allows",
        "PYINIT_START_TIMEOUT stops what does not start, in good order, and says what was missing. A probe that gives up "
        "earlier kills it "
        "without a word.",
        {
            "Dockerfile": APP,
            "deploy.yaml": deployment(
                "env: [{name: PYINIT_READY, value: 'tcp:8080'}, {name: PYINIT_START_TIMEOUT, value: '60'}]\nstartupProbe: "
                "{httpGet: {path: /, port: 8080}, periodSeconds: 1, failureThreshold: 30}"
            ),
        },
        {
            "Dockerfile": APP,
            "deploy.yaml": deployment(
                "env: [{name: PYINIT_READY, value: 'tcp:8080'}, {name: PYINIT_START_TIMEOUT, value: '60'}]\nstartupProbe: "
                "{httpGet: {path: /, port: 8080}, periodSeconds: 1, failureThreshold: 70}"
            ),
        },
        "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
    ),
    Rule(
        "PI406",
        ERROR,
        "maxUnavailable takes all pods",
        "An update may then stop every old pod before the first new one is ready.",
        {"deploy.yaml": deployment("", "", "replicas: 1\nstrategy: {rollingUpdate: {maxUnavailable: 1}}")},
        {"deploy.yaml": deployment("", "", "replicas: 1\nstrategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}")},
        "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-unavailable",
    ),
    Rule(
        "PI407",
        WARNING,
        "Recreate, or a disruption budget that blocks",
        "Recreate stops all pods before the first new one starts. A budget that lets nobody go makes a drain wait until "
        "somebody forces it.",
        {"deploy.yaml": deployment(PORT + PROBE, "", "strategy: {type: Recreate}", SERVICE)},
        {"deploy.yaml": deployment(PORT + PROBE, "", "strategy: {rollingUpdate: {maxUnavailable: 0}}", SERVICE)},
        "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#recreate-deployment; "
        "https://kubernetes.io/docs/tasks/run-application/configure-pdb/",
    ),
    Rule(
        "PI408",
        WARNING,
        "RestartAllContainers",
        "The action ends all containers of the pod, and runs none of their preStop hooks.",
        {
            "deploy.yaml": deployment(
                "restartPolicy: Never\nrestartPolicyRules:\n  - action: RestartAllContainers\n    exitCodes: {operator: In, "
                "values: [88]}"
            )
        },
        {
            "deploy.yaml": deployment(
                "restartPolicy: Never\nrestartPolicyRules:\n  - action: Restart\n    exitCodes: {operator: In, values: [88]}"
            )
        },
        "https://www.kubernetes.dev/resources/keps/5532/",
    ),
    Rule(
        "PI409",
        ERROR,
        "stopSignal without os.name",
        "Which signals there are depends on the system, so the API server refuses the pod.",
        {"deploy.yaml": deployment("lifecycle: {stopSignal: SIGQUIT}")},
        {"deploy.yaml": deployment("lifecycle: {stopSignal: SIGQUIT}", "os: {name: linux}")},
        "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/#container-stop-signals",
    ),
    Rule(
        "PI410",
        WARNING,
        "Compose or Swarm: a proxy, several replicas, and no delay",
        "The proxy learns of the stop later than the container, and what it sends meanwhile is refused. Only services with "
        "several replicas, or "
        "with `order: start-first`, are meant: with one there is a gap in any case.",
        {
            "Dockerfile": 'FROM alpine\nCMD ["/app"]\n',
            "compose.yaml": compose("labels: [traefik.enable=true]", "deploy: {replicas: 2}"),
        },
        {
            "Dockerfile": OURS + 'CMD ["/app"]\n',
            "compose.yaml": compose(
                "labels: [traefik.enable=true]",
                "deploy: {replicas: 2}",
                "stop_grace_period: 30s",
                "environment: {PYINIT_PRE_STOP_DELAY: auto, PYINIT_STOP_TIMEOUT: 30}",
            ),
        },
        "https://doc.traefik.io/traefik/providers/docker/",
    ),
    Rule(
        "PI411",
        INFO,
        "minReadySeconds 0 behind a cloud load balancer",
        "A pod that is ready is not yet a healthy target. Without minReadySeconds or readiness gates the update goes on "
        "meanwhile.",
        {"deploy.yaml": deployment(PORT + PROBE + DELAY, SLOW, "", SERVICE, INGRESS)},
        {"deploy.yaml": deployment(PORT + PROBE + DELAY, SLOW, "minReadySeconds: 15", SERVICE, INGRESS)},
        "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate/",
    ),
    Rule(
        "PI412",
        WARNING,
        "Quadlet: systemd kills before Podman is done",
        "systemd's TimeoutStopSec (90 s by default) is for the whole stop. It must be longer than Podman's StopTimeout.",
        {"shop.container": "[Container]\nImage=example.org/shop:1\nStopTimeout=120\n"},
        {"shop.container": "[Container]\nImage=example.org/shop:1\nStopTimeout=120\n\n[Service]\nTimeoutStopSec=130\n"},
        "https://docs.podman.io/en/latest/markdown/podman-systemd.unit.5.html",
    ),
    Rule(
        "PI413",
        WARNING,
        "Quadlet: TimeoutStopSec does not lengthen Podman's time",
        "Podman sends SIGKILL after StopTimeout, 10 s by default, however long systemd would wait.",
        {"shop.container": "[Container]\nImage=example.org/shop:1\n\n[Service]\nTimeoutStopSec=60\n"},
        {"shop.container": "[Container]\nImage=example.org/shop:1\nStopTimeout=50\n\n[Service]\nTimeoutStopSec=60\n"},
        "https://github.com/containers/podman/issues/21134",
    ),
)
