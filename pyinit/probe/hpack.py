"""PURE. The header fields of HTTP/2, as they come from a server: HPACK (RFC 7541), the decoding of it.

A server may compress with all that HPACK has, the dynamic table and Huffman's code included; and by that alone its
`grpc-status` can be told.
"""

#: Names and values of the static table, by index from 1 on (appendix A). Those without a value have an empty one.
STATIC = tuple(
    (name.encode(), value.encode())
    for name, _, value in (
        line.partition("=")
        for line in (
            ":authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|:status=204|"
            ":status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|accept-encoding=gzip, deflate|"
            "accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|"
            "content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|"
            "cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|"
            "last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|"
            "server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate"
        ).split("|")
    )
)

#: Huffman's code (appendix B) is canonical: so many of its codes have so many bits, in the order of these symbols; the last one
#: of all is the end of the string, which may not come.
COUNTS = (0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4)
SYMBOLS = (
    b"012aceiost %-./3456789=A_bdfghlmnpru:BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz&*,;XZ!\"()?'+|#>\0$@[]~^}<`{\\"
    + bytes.fromhex(
        "c3d0 808283a2b8c2e0e2 99a1a7acb0b1b3d1d8d9e3e5e6 8184858688929a9ca0a3a4a9aaadb2b5b9babbbdbec4c6e4e8e9"
        "0187898a8b8c8d8f93959697989b9d9ea5a6a8aeafb4b6b7bcbfc5e7ef 098e9091949fabced7e1eced c7cfeaeb"
        "c0c1c8c9cacdd2d5dadbeef0f2f3ff cbccd3d4d6dddedff1f4f5f6f7f8fafbfcfdfe"
        "020304050607080b0c0e0f101112131415171819 1a1b1c1d1e1f7fdcf9 0a0d16"
    )
)

#: Bytes of the dynamic table at most: what a server assumes where it was not told otherwise (RFC 9113, 6.5.2).
TABLE_SIZE = 4096

#: What an entry of it counts beside its bytes.
OF_ENTRY = 32

#: Bits of an integer that are believed.
LONGEST = 28


class BadFieldsError(Exception):
    """A header block is no HPACK; the message says in a few words why."""


def huffman(data: bytes) -> bytes:
    """Decode a string. Raises BadFieldsError."""
    found = bytearray()
    code = first = index = length = 0  # the bits so far; the first code with as many bits, and the place of its symbol
    for byte in data:
        for at in range(7, -1, -1):
            code = code << 1 | byte >> at & 1
            length += 1
            first <<= 1
            if code - first < COUNTS[length]:
                if index + code - first == len(SYMBOLS):
                    raise BadFieldsError("a string has its end in the middle")
                found.append(SYMBOLS[index + code - first])
                code = first = index = length = 0
            else:
                first += COUNTS[length]
                index += COUNTS[length]
    if length > 7 or code != (1 << length) - 1:  # noqa: PLR2004 - the rest of a byte, all ones
        raise BadFieldsError("a string ends in the middle of a symbol")
    return bytes(found)


class Decoder:
    """Decodes the header blocks of a connection, one after another, with a table that they share."""

    def __init__(self) -> None:
        self._table: list[tuple[bytes, bytes]] = []  # the newest first
        self._size = 0  # of it, as `_limit` counts
        self._limit = TABLE_SIZE
        self._data = b""
        self._at = 0

    def decode(self, block: bytes) -> list[tuple[bytes, bytes]]:
        """The fields of one header block: name and value. Raises BadFieldsError."""
        self._data, self._at = block, 0
        found = []
        try:
            while self._at < len(block):
                field = self._field(block[self._at])
                if field is not None:
                    found.append(field)
        except IndexError:
            raise BadFieldsError("the fields are cut off, or name an entry of the table that is not there") from None
        return found

    def _field(self, first: int) -> tuple[bytes, bytes] | None:
        if first & 0x80:
            return self._entry(self._integer(7))
        if first & 0xE0 == 0x20:  # noqa: PLR2004
            self._limit = self._integer(5)
            if self._limit > TABLE_SIZE:
                raise BadFieldsError("the table is to be larger than allowed")
            self._evict()
            return None
        is_kept = first & 0x40
        index = self._integer(6 if is_kept else 4)
        name = self._entry(index)[0] if index else self._string()
        field = name, self._string()
        if is_kept:
            self._table.insert(0, field)
            self._size += self._counted(field)
            self._evict()
        return field

    @staticmethod
    def _counted(field: tuple[bytes, bytes]) -> int:
        return len(field[0]) + len(field[1]) + OF_ENTRY

    def _entry(self, index: int) -> tuple[bytes, bytes]:
        if not index:
            raise BadFieldsError("a field has the index 0")
        return STATIC[index - 1] if index <= len(STATIC) else self._table[index - len(STATIC) - 1]

    def _evict(self) -> None:
        while self._size > self._limit:
            self._size -= self._counted(self._table.pop())

    def _integer(self, bits: int) -> int:
        """An integer whose first byte holds so many of its bits (5.1)."""
        most = (1 << bits) - 1
        value = self._data[self._at] & most
        self._at += 1
        if value < most:
            return value
        for shift in range(0, LONGEST, 7):
            byte = self._data[self._at]
            self._at += 1
            value += (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise BadFieldsError("a number is too large")

    def _string(self) -> bytes:
        is_huffman = self._data[self._at] & 0x80
        size = self._integer(7)
        text = self._data[self._at : self._at + size]
        if len(text) < size:
            raise BadFieldsError("a string is cut off")
        self._at += size
        return huffman(text) if is_huffman else text
