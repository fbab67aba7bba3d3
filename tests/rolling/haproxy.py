"""HAProxy in front of the replicas: some processes that share the clients' port, each with endpoints of its own."""

import socket
from collections.abc import Sequence

from tests.rolling.servers import PORT

#: Where clients ask, and where the first process is told; the next one listens on the next port.
CLIENTS, CONTROL = 8080, 9001

#: Of the backend, as in haproxy.cfg.
SLOTS = 12


def control_ports(routers: int) -> list[str]:
    """The words for haproxies.sh."""
    return [str(CONTROL + number) for number in range(routers)]


def tell(host: str, router: int, command: str) -> str:
    """Give a command to one process over its control port; return the answer. Raises OSError where nobody listens."""
    with socket.create_connection((host, CONTROL + router), timeout=10) as connection:
        connection.sendall(f"{command}\n".encode())
        return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()


def addresses(host: str, router: int) -> set[str]:
    """The addresses that one process sends requests to."""
    found = set()
    for line in tell(host, router, "show servers state replicas").splitlines():
        fields = line.split()
        # https://docs.haproxy.org/2.6/management.html: be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state
        # Bit 4 of srv_admin_state: it was disabled in the configuration, wherever it has come since.
        if len(fields) > 6 and fields[1] == "replicas" and int(fields[6]) & ~4 == 0 and fields[5] == "2":
            found.add(fields[4])
    return found


class HAProxy:
    """The routers of one deployment. Endpoints are addresses of replicas."""

    def __init__(self, host: str, routers: int) -> None:
        self.host, self.port = host, CLIENTS
        self._slots: list[dict[str, int]] = [{} for _ in range(routers)]

    def admit(self, address: str) -> None:
        """Send requests to this replica, too, from now on."""
        for router, slots in enumerate(self._slots):
            slot = next(number for number in range(1, SLOTS + 1) if number not in slots.values())
            self._set(router, slot, f"addr {address} port {PORT}")
            self._enable(router, slot)
            slots[address] = slot

    def _enable(self, router: int, slot: int) -> None:
        self._set(router, slot, "state ready")

    def dismiss(self, address: str, routers: Sequence[int]) -> None:
        """Send no more requests to this replica; what has begun goes on. Tells only these routers."""
        for router in routers:
            self._set(router, self._slots[router][address], "state maint")
            del self._slots[router][address]  # now the slot may be taken again

    def _set(self, router: int, slot: int, what: str) -> None:
        said = tell(self.host, router, f"set server replicas/slot{slot} {what}").strip()
        assert not said or "changed" in said or "no need to change" in said, f"HAProxy: {said}"


class CheckingHAProxy(HAProxy):
    """One that sends requests to those alone of whom its own checks say that they can serve."""

    def __init__(self, host: str) -> None:
        super().__init__(host, 1)

    def sends_to(self, address: str) -> bool:
        """Whether this replica gets requests now."""
        return address in addresses(self.host, 0)

    def _enable(self, router: int, slot: int) -> None:
        # HAProxy takes one that was disabled for healthy until the first check has failed. So it is let in without traffic,
        # declared to be down, and then has to prove itself.
        for what in ("state drain", "health down", "state ready"):
            self._set(router, slot, what)
