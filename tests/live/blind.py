"""pyinit with a kernel that does not tell of its sockets as it should: runs it as its __main__ does.

usage: blind.py CALL FAULT FROM [pyinit option ...] -- command

CALL is `socket`, of netlink, or `recv_into`; from its FROM-th call on it fails. FAULT is the name of an errno, MemoryError, or
what happens to what is received: `short` (cut in the middle), `nothing`, `garbage`, `endless` (lengths of 4 GB), `zero`
(lengths of 0).
"""

import os
import random
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

AF_NETLINK = 16


def spoil(fault: str, buffer: bytearray, size: int) -> int:
    """Do to a message what a fault says; return how long it is then."""
    if fault == "nothing":
        return 0
    if fault == "short":
        return size // 2
    if fault == "garbage":
        buffer[:size] = random.Random(size).randbytes(size)  # noqa: S311 - nothing secret
    else:
        buffer[:4] = b"\xff\xff\xff\xff" if fault == "endless" else bytes(4)
    return size


def main() -> None:
    """Replace, then run."""
    call, fault, start, *arguments = sys.argv[1:]
    sys.path.insert(0, ROOT)
    from pyinit.kernel import signals

    mask = signals.block_all()
    import _socket
    import errno

    from pyinit import cli

    whole = _socket.socket
    calls = 0

    def is_due(name: str) -> bool:
        nonlocal calls
        calls += name == call
        if name != call or calls < int(start):
            return False
        if fault == "MemoryError":
            raise MemoryError
        if fault.startswith("E"):
            raise OSError(getattr(errno, fault), fault)
        return True

    class Socket(whole):  # type: ignore[misc,valid-type]  # a class, in a variable
        """A socket that fails as told."""

        def __init__(self, family: int, *others: int) -> None:
            if family == AF_NETLINK:
                is_due("socket")
            super().__init__(family, *others)

        def recv_into(self, buffer: bytearray) -> int:
            """As the kernel's, but for the fault."""
            due = is_due("recv_into")
            size: int = super().recv_into(buffer)
            return spoil(fault, buffer, size) if due else size

    vars(_socket)["socket"] = Socket
    cli.main(arguments, mask)


if __name__ == "__main__":
    main()
