"""Where we are, and who else may be spoken to: what the TCP sockets do not tell."""

from pyinit.kernel import system

#: There in the first network namespace only: net_core_table of net/core/sysctl_net_core.c, as against netns_core_table.
OF_THE_HOST = "/proc/sys/net/core/netdev_budget"

#: From /proc/net/unix (unix(7)): the flag __SO_ACCEPTCON.
ACCEPTS = 0x10000

#: From /proc/net/udp: a socket without a peer is in the state TCP_CLOSE.
WITHOUT_PEER = b"07"

#: Ports that the kernel gives to clients, where /proc does not tell.
OF_CLIENTS = (32768, 60999)


def on_host_network() -> bool:
    """Whether our network namespace is the host's, and so much of its traffic not ours."""
    return system.exists(OF_THE_HOST)


def serves_udp() -> bool:
    """Whether a UDP socket waits for anybody's datagrams on a port that is not one of those given to clients."""
    try:
        low, high = map(int, system.read_file("/proc/sys/net/ipv4/ip_local_port_range").split())
    except ValueError:
        low, high = OF_CLIENTS
    for name in ("udp", "udp6"):
        for line in system.read_file(f"/proc/self/net/{name}").splitlines()[1:]:
            fields = line.split()
            if fields[3:4] == [WITHOUT_PEER] and not low <= int(fields[1].rpartition(b":")[2], 16) <= high:
                return True
    return False


def serves_unix() -> bool:
    """Whether a unix socket listens."""
    lines = system.read_file("/proc/self/net/unix", 1 << 20).splitlines()[1:]
    return any(int(b"".join(line.split()[3:4]) or b"0", 16) & ACCEPTS for line in lines)
