"""The pages of PI3..."""

from pyinit.check.model import ERROR, INFO, WARNING
from pyinit.check.pages.rule import Rule, deployment

OURS = 'FROM python:3.12-slim\nCOPY --from=pyinit /pyinit /usr/local/bin/pyinit\nENTRYPOINT ["pyinit", "--"]\n'
GUNICORN = OURS + 'CMD ["gunicorn", "--graceful-timeout=20", "shop:app"]\n'


def compose(*lines: str) -> str:
    """A Compose file with one service that is built here."""
    return "services:\n  shop:\n    build: .\n" + "".join(f"    {line}\n" for line in lines)


RULES = (
    Rule(
        "PI301",
        ERROR,
        "delay and finishing do not fit into the grace period",
        "From the stop request on there is one time for everything: the pre-stop delay (pyinit's, or a preStop hook's), what "
        "the program needs to "
        "finish, and 2 s for the queues and the exit. Where the sum is longer, the program is killed at the end of it.",
        {"Dockerfile": GUNICORN, "compose.yaml": compose("stop_grace_period: 30s", "environment: {PYINIT_PRE_STOP_DELAY: 20}")},
        {"Dockerfile": GUNICORN, "compose.yaml": compose("stop_grace_period: 45s", "environment: {PYINIT_PRE_STOP_DELAY: 20}")},
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    ),
    Rule(
        "PI302",
        ERROR,
        "a preStop hook that takes the whole grace period",
        "The hook's time counts inside terminationGracePeriodSeconds. The program is told when the hook is over, and there "
        "is nothing left then.",
        {"deploy.yaml": deployment('lifecycle: {preStop: {exec: {command: ["sleep", "30"]}}}')},
        {
            "deploy.yaml": deployment(
                'lifecycle: {preStop: {exec: {command: ["sleep", "10"]}}}', "terminationGracePeriodSeconds: 40"
            )
        },
        "https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/#hook-handler-execution",
    ),
    Rule(
        "PI303",
        ERROR,
        "a program that gives itself more time than it has",
        "gunicorn, uvicorn, Sidekiq, Celery, Spring and nginx have a time of their own in which they finish. Where the "
        "orchestrator's is "
        "shorter, they are killed in the middle of it, and do not even cut in good order. php-fpm is the other way round: its "
        "`process_control_timeout` is 0 by default, so it cuts at once.",
        {
            "Dockerfile": 'FROM ruby:3.3\nCOPY . /app\nCMD ["bundle", "exec", "sidekiq", "-t", "25"]\n',
            "compose.yaml": compose(),
        },
        {
            "Dockerfile": 'FROM ruby:3.3\nCOPY . /app\nCMD ["bundle", "exec", "sidekiq", "-t", "25"]\n',
            "compose.yaml": compose("stop_grace_period: 30s"),
        },
        "https://docs.gunicorn.org/en/stable/settings.html#graceful-timeout; https://github.com/sidekiq/sidekiq/wiki/Signals; "
        "https://www.php.net/manual/en/install.fpm.configuration.php",
    ),
    Rule(
        "PI304",
        ERROR,
        "a grace period of 0",
        "The container is killed at the moment of the stop request.",
        {"deploy.yaml": deployment("", "terminationGracePeriodSeconds: 0")},
        {"deploy.yaml": deployment("", "terminationGracePeriodSeconds: 30")},
        "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination-forced",
    ),
    Rule(
        "PI305",
        WARNING,
        "two delays",
        "pyinit waits after the hook once more, inside of the same grace period.",
        {
            "Dockerfile": OURS + 'CMD ["gunicorn", "shop:app"]\n# docker build -t example.org/shop .\n',
            "deploy.yaml": deployment(
                'env: [{name: PYINIT_PRE_STOP_DELAY, value: "5"}]\nlifecycle: {preStop: {exec: {command: ["sleep", "5"]}}}'
            ),
        },
        {
            "Dockerfile": OURS + 'CMD ["gunicorn", "shop:app"]\n# docker build -t example.org/shop .\n',
            "deploy.yaml": deployment('env: [{name: PYINIT_PRE_STOP_DELAY, value: "5"}]'),
        },
        "https://github.com/kubernetes/kubernetes/pull/74160",
    ),
    Rule(
        "PI306",
        WARNING,
        "Compose's pre_stop is relied on",
        "Compose runs `pre_stop` at `stop` and `down`. It does not when `up` replaces a container, which is how a service is "
        "updated, and the "
        "engine does not know of it.",
        {"compose.yaml": compose("pre_stop:", "  - command: [sleep, '5']"), "Dockerfile": 'FROM alpine\nCMD ["/app"]\n'},
        {"compose.yaml": compose("environment: {PYINIT_PRE_STOP_DELAY: 5}"), "Dockerfile": OURS + 'CMD ["/app"]\n'},
        "https://docs.docker.com/compose/how-tos/lifecycle/; measured with Compose 5.5",
    ),
    Rule(
        "PI307",
        ERROR,
        "more time than the platform gives",
        "Fargate takes a stopTimeout of 120 s at most, Fly a kill_timeout of 300 s.",
        {
            "task.json": '{\n  "requiresCompatibilities": ["FARGATE"],\n  "containerDefinitions": [\n'
            '    {"name": "shop", "image": "example.org/shop:1", "stopTimeout": 180}\n  ]\n}\n'
        },
        {
            "task.json": '{\n  "requiresCompatibilities": ["FARGATE"],\n  "containerDefinitions": [\n'
            '    {"name": "shop", "image": "example.org/shop:1", "stopTimeout": 120}\n  ]\n}\n'
        },
        "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html; "
        "https://fly.io/docs/reference/configuration/",
    ),
    Rule(
        "PI308",
        WARNING,
        "`auto` is not told how long it has",
        "A container cannot ask its orchestrator for the grace period. With `--pre-stop-delay auto` pyinit divides the time "
        "between the delay and the "
        "work, where PYINIT_STOP_TIMEOUT says how much there is; without it the delay alone may take 20 s.",
        {
            "Dockerfile": OURS + 'CMD ["/app"]\n',
            "compose.yaml": compose("stop_grace_period: 30s", "environment: {PYINIT_PRE_STOP_DELAY: auto}"),
        },
        {
            "Dockerfile": OURS + 'CMD ["/app"]\n',
            "compose.yaml": compose(
                "stop_grace_period: 30s", "environment: {PYINIT_PRE_STOP_DELAY: auto, PYINIT_STOP_TIMEOUT: 30}"
            ),
        },
        "pyinit --help, --stop-timeout",
    ),
    Rule(
        "PI309",
        INFO,
        "a grace period that is longer than a spot notice",
        "A spot node goes 30 s (Google, Azure) or 120 s (AWS) after its notice, whatever the pod's grace period is.",
        {"deploy.yaml": deployment("", 'terminationGracePeriodSeconds: 90\nnodeSelector: {cloud.google.com/gke-spot: "true"}')},
        {"deploy.yaml": deployment("", 'terminationGracePeriodSeconds: 25\nnodeSelector: {cloud.google.com/gke-spot: "true"}')},
        "https://cloud.google.com/kubernetes-engine/docs/concepts/spot-vms; "
        "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html",
    ),
)
