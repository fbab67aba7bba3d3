"""What h11 says of a request: the reference for what the health port takes."""

import h11


def h11_takes(data: bytes) -> bool:
    """Whether h11 finds a request in this. It knows no empty lines before one, which RFC 9112, 2.2, asks servers to skip."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(data.lstrip(b"\r\n"))
    try:
        return isinstance(server.next_event(), h11.Request)
    except h11.RemoteProtocolError:
        return False
