"""Which variants are measured, and how often: in the quick form, and in the full one."""

from tests.rolling.servers import SERVERS
from tests.rolling.variants import (
    DNAT,
    HAPROXY,
    HEALTHZ,
    INITS,
    READYZ,
    SWARM,
    SWARM_BLIND,
    SWARM_HEALTHZ,
    SWARM_PYINIT,
    TCP,
    Variant,
    select,
)

Plan = list[tuple[Variant, int]]

#: A server that has no kept connections, so that what is lost is lost by the way in which it was stopped.
PLAIN = SERVERS["gunicorn-sync"]

#: One that opens its port before it can serve.
LOADING = SERVERS["gunicorn-loading"]

#: Those to which pyinit is compared everywhere.
OTHERS = ("tini", "dumb-init", "catatonit")


def quick() -> Plan:
    """Below three minutes, if nobody else is at work."""
    variants = [
        *select([PLAIN], ["start.sh"], ["auto", *OTHERS], [HAPROXY], ["1.5"]),
        *select([PLAIN], ["start.sh"], ["auto"], [DNAT], ["1.5"]),
        *select([PLAIN], ["start.sh"], ["auto"], [SWARM], ["5"]),
    ]
    return [(variant, 1) for variant in variants]


def full() -> Plan:
    """All that docs/rolling and the pages beside it tell of."""
    every_form, wrapped, delays = ["start.sh", "shell", "exec"], ["start.sh", "shell"], ["0", "1.5", "5"]
    others = [server for server in SERVERS.values() if server not in (PLAIN, LOADING)]
    rivals = [name for name in INITS if name not in ("auto", "ready", "fixed", "sleep", *OTHERS)]
    parts = [
        (20, select([PLAIN], every_form, ["auto"], [HAPROXY], delays)),
        (10, select([PLAIN], wrapped, OTHERS, [HAPROXY], ["0"])),  # few are lost there, so more of them
        (3, select([PLAIN], wrapped, OTHERS, [HAPROXY], ["1.5", "5"])),
        (3, select([PLAIN], ["start.sh"], [*rivals, "fixed"], [HAPROXY], ["1.5"])),
        (3, select([PLAIN], ["exec"], ["none", "sleep"], [HAPROXY], ["1.5"])),
        (3, select([PLAIN], ["start.sh"], [*OTHERS, "fixed", "auto"], [HAPROXY], ["straggler"])),
        (3, select([PLAIN], ["exec"], ["none", "sleep"], [HAPROXY], ["straggler"])),
        (10, select(others, ["start.sh"], ["auto"], [HAPROXY], ["1.5"])),
        (3, select(others, ["start.sh"], OTHERS, [HAPROXY], ["1.5"])),
        (3, select([PLAIN, *others], ["start.sh"], [*OTHERS, "auto"], [DNAT], ["1.5"])),
        (3, select([PLAIN], ["start.sh"], [*OTHERS, "auto"], [SWARM], ["1", "5"])),
    ]
    return [*((variant, rollouts) for rollouts, variants in parts for variant in variants), *starts()]


def starts() -> Plan:
    """The other half: who lets a replica in before it can serve, and who sees that one is to go."""
    variants = [
        *select([LOADING], ["start.sh"], ["none", "tini", "auto"], [TCP, HEALTHZ], ["checks"]),
        *select([LOADING], ["exec"], ["sleep"], [HEALTHZ], ["checks"]),  # the usual remedy for what is lost at the stop
        *select([LOADING], ["start.sh"], ["ready"], [TCP, READYZ], ["checks"]),
        *select([LOADING], ["start.sh"], ["tini", "ready"], [SWARM_BLIND], ["1", "5"]),
        *select([LOADING], ["start.sh"], ["tini", "auto"], [SWARM_HEALTHZ], ["1", "5"]),
        *select([LOADING], ["start.sh"], ["ready"], [SWARM_PYINIT], ["1", "5"]),
    ]
    return [(variant, 5) for variant in variants]
