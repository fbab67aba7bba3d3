"""The variants of a rolling update: a server, the form of its command, an init, a router, and when the endpoint is removed."""

import itertools
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from tests.rolling.servers import HEALTH_PORT, PORT, Server

START_SCRIPT, SHELL_FORM, EXEC_FORM = "start.sh", "shell form", "exec form"
FORMS = {"start.sh": START_SCRIPT, "shell": SHELL_FORM, "exec": EXEC_FORM}

#: Seconds from the stop request to SIGKILL, as Kubernetes has it.
GRACE_PERIOD = 30.0


@dataclass(frozen=True)
class Init:
    """An init, and what is set up around it.

    `words` stand before the command. `from_engine`: whether Docker puts its own init into the container. `pre_stop`: seconds
    that the orchestrator waits before it sends the stop signal, as a kubelet does that runs a preStop hook with a sleep.
    `tells`: it knows whether its command is ready, and says so at HEALTH_PORT.
    """

    name: str
    words: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    from_engine: bool = False
    pre_stop: float = 0.0
    tells: bool = False


#: What is set where the delay is to be as long as the traffic wants.
DELAY_AUTO = (("PYINIT_PRE_STOP_DELAY", "auto"), ("PYINIT_STOP_TIMEOUT", f"{GRACE_PERIOD:g}"))

#: By the word that the command line uses.
INITS = {
    "none": Init("none"),
    "tini": Init("tini", ("tini", "--")),
    "tini-g": Init("tini -g", ("tini", "-g", "--")),
    "dumb-init": Init("dumb-init", ("dumb-init", "--")),
    "catatonit": Init("catatonit", ("catatonit", "--")),
    "docker": Init("docker run --init", from_engine=True),
    "sleep": Init("none, preStop sleep 15", pre_stop=15.0),
    "fixed": Init(
        "pyinit, delay 15", ("pyinit", "--"), (("PYINIT_PRE_STOP_DELAY", "15"), ("PYINIT_STOP_TIMEOUT", f"{GRACE_PERIOD:g}"))
    ),
    "auto": Init("pyinit, delay auto", ("pyinit", "--"), DELAY_AUTO),
    "ready": Init(
        "pyinit, delay auto, ready",
        ("pyinit", "--ready", f"http://127.0.0.1:{PORT}/healthz", "--health-listen", str(HEALTH_PORT), "--"),
        DELAY_AUTO,
        tells=True,
    ),
}

#: preStop sleep is what is usually recommended, and it is recommended together with exec form.
ONLY_IN_EXEC_FORM = ("sleep",)


@dataclass(frozen=True)
class Removal:
    """When the routers learn that an endpoint is to be removed: for each router, seconds after the stop request."""

    name: str
    delays: tuple[float, ...]


REMOVALS = {
    "0": Removal("0 s", (0.0,)),
    "1.5": Removal("1.5 s", (1.5,)),
    "5": Removal("5 s", (5.0,)),
    "straggler": Removal("1.5 s, one router 12 s", (1.5, 1.5, 1.5, 12.0)),
}

#: On Swarm the engine removes the endpoint, and the router learns of it when it asks again: seconds between two questions.
#: HAProxy's default is 1; the engine's DNS allows its answers to be kept for 600.
DNS_REMOVALS = {"1": Removal("DNS every 1 s", (1.0,)), "5": Removal("DNS every 5 s", (5.0,))}

HAPROXY, DNAT, SWARM = "haproxy", "dnat", "swarm"

#: HAProxy that looks itself who can serve, and is told by nobody who cannot. It connects to the port of the application, or
#: asks the application, or asks pyinit: the port, and the path if there is one.
TCP, HEALTHZ, READYZ = "haproxy-tcp", "haproxy-healthz", "haproxy-readyz"
CHECKS = {TCP: (PORT, ""), HEALTHZ: (PORT, "/healthz"), READYZ: (HEALTH_PORT, "/readyz")}

BY_CHECKS = {"checks": Removal("by its checks", (0.0,))}

#: Swarm with other health checks than that of SWARM, which only looks whether there is a listener: with none, or with a probe
#: of the application, or with that of the image, which asks pyinit.
SWARM_BLIND, SWARM_HEALTHZ, SWARM_PYINIT = "swarm-blind", "swarm-healthz", "swarm-pyinit"
SWARMS = (SWARM, SWARM_BLIND, SWARM_HEALTHZ, SWARM_PYINIT)

ROUTERS = (HAPROXY, DNAT, *CHECKS, *SWARMS)

#: Who asks pyinit needs one that can tell.
ASKS_PYINIT = (READYZ, SWARM_PYINIT)


@dataclass(frozen=True)
class Variant:
    """What is updated, and how."""

    server: Server
    form: str
    init: Init
    router: str
    removal: Removal

    @property
    def is_on_swarm(self) -> bool:
        """Whether an engine's swarm is needed."""
        return self.router in SWARMS

    @property
    def command(self) -> list[str]:
        """The words that the container starts with."""
        return [*self.init.words, *in_form(self.form, self.server.command)]

    @property
    def env(self) -> dict[str, str]:
        """Variables of the container."""
        return dict(self.init.env)

    @property
    def names(self) -> tuple[str, str, str, str, str]:
        """As in a result: server, form, init, router, removal."""
        return (self.server.name, self.form, self.init.name, self.router, self.removal.name)


def in_form(form: str, command: str) -> list[str]:
    """The words of a command line in this form; the shell form is what Docker makes of a CMD without brackets."""
    if form == START_SCRIPT:
        return ["/app/start.sh", *shlex.split(command)]
    return ["/bin/sh", "-c", command] if form == SHELL_FORM else shlex.split(command)


def select(
    servers: Sequence[Server],
    forms: Sequence[str],
    inits: Sequence[str],
    routers: Sequence[str],
    removals: Sequence[str],
) -> list[Variant]:
    """Every combination that makes sense; forms, inits and removals by the words of the command line."""
    every = itertools.product(servers, routers, removals, forms, inits)
    return [
        Variant(server, FORMS[form], INITS[init], router, removals_of(router)[removal])
        for server, router, removal, form, init in every
        if removal in removals_of(router)
        and (form == "exec" or init not in ONLY_IN_EXEC_FORM)
        and not (router in SWARMS and INITS[init].pre_stop)  # Swarm has no such hook
        and (INITS[init].tells or router not in ASKS_PYINIT)
    ]


def removals_of(router: str) -> dict[str, Removal]:
    """The removals that a router can have, by the word of the command line."""
    if router in SWARMS:
        return DNS_REMOVALS
    if router in CHECKS:
        return BY_CHECKS
    # A straggler needs others that are in time, and there is one iptables only.
    return {name: removal for name, removal in REMOVALS.items() if router == HAPROXY or len(removal.delays) == 1}
