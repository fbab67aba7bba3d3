"""iptables DNAT with the statistic module in front of the replicas, as the iptables mode of kube-proxy has it.

The rules are those of a container of their own, so the host's stay as they are. As in Kubernetes, connections that conntrack
knows keep their replica when its endpoint is removed.
"""

from collections.abc import Sequence

from docker.models.containers import Container

from tests.rolling.servers import PORT

#: Where clients ask.
CLIENTS = 8080


def rules(host: str, addresses: Sequence[str]) -> str:
    """For iptables-restore: each endpoint gets an equal part of the new connections."""
    chosen = []
    for number, address in enumerate(addresses):
        left = len(addresses) - number
        chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        chosen.append(f"-A SERVICE -p tcp {chance}-j DNAT --to-destination {address}:{PORT}")
    lines = [
        "*nat",
        ":PREROUTING ACCEPT",
        ":POSTROUTING ACCEPT",
        ":SERVICE -",
        f"-A PREROUTING -d {host}/32 -p tcp --dport {CLIENTS} -j SERVICE",
        *chosen,
        # The answers must come back through us, as with a node port.
        f"-A POSTROUTING -p tcp --dport {PORT} -j MASQUERADE",
        "COMMIT",
    ]
    return "\n".join(lines)


class Dnat:
    """The router of one deployment. Endpoints are addresses of replicas."""

    def __init__(self, host: str, container: Container) -> None:
        self.host, self.port = host, CLIENTS
        self._container = container
        self._addresses: list[str] = []

    def admit(self, address: str) -> None:
        """Send new connections to this replica, too, from now on."""
        self._addresses.append(address)
        self._apply()

    def dismiss(self, address: str, routers: Sequence[int]) -> None:
        """Send no more new connections to this replica."""
        assert list(routers) == [0], "there is one router only"
        self._addresses.remove(address)
        self._apply()

    def _apply(self) -> None:
        # Docker keeps rules for its DNS in the same table, and they are of no use here: all addresses are numbers.
        result = self._container.exec_run(
            ["sh", "-c", 'printf "%s\\n" "$1" | iptables-restore', "sh", rules(self.host, self._addresses)]
        )
        assert result.exit_code == 0, result
