"""HPACK: the `hpack` library has written it, and would have read it likewise."""

import contextlib

import hpack
import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable
from hypothesis import example, given
from hypothesis import strategies as st

from pyinit.probe.hpack import STATIC, TABLE_SIZE, BadFieldsError, Decoder, huffman

#: Names and values: any bytes, and those that are in the static table.
NAME = st.binary(min_size=1, max_size=40) | st.sampled_from([name for name, _ in STATIC])
VALUE = st.binary(max_size=200) | st.sampled_from([value for _, value in STATIC])
FIELDS = st.lists(st.tuples(NAME, VALUE), max_size=30)


def test_the_static_table_is_that_of_the_rfc() -> None:
    assert list(STATIC) == list(HeaderTable.STATIC_TABLE)


def test_every_symbol_of_the_code_is_decoded() -> None:
    encoder = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)
    assert huffman(encoder.encode(bytes(range(256)))) == bytes(range(256))


@given(st.binary(max_size=300))
def test_what_huffmans_code_has_made_short_is_made_long_again(text: bytes) -> None:
    assert huffman(HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode(text)) == text


@given(
    st.lists(
        st.tuples(FIELDS, st.booleans(), st.sampled_from([None, 0, 64, 300, TABLE_SIZE]), st.lists(st.booleans())), max_size=5
    )
)
def test_blocks_of_a_connection_are_read_as_they_were_written(
    blocks: list[tuple[list[tuple[bytes, bytes]], bool, int | None, list[bool]]],
) -> None:
    encoder, decoder = hpack.Encoder(), Decoder()
    for fields, with_huffman, size, secret in blocks:
        if size is not None:
            encoder.header_table_size = size
        hidden = [*secret, *[False] * len(fields)]
        written = [
            hpack.HeaderTuple(*field) if hidden[at] else hpack.NeverIndexedHeaderTuple(*field)
            for at, field in enumerate(fields)
        ]
        assert decoder.decode(encoder.encode(written, huffman=with_huffman)) == fields


@given(st.lists(st.binary(max_size=60), max_size=4))
@example([b"\x40\x01a\x01b", b"\xbe"])
@example([b"\x3f\xe1\x1f"])
@example([b"\x7f" + b"\xff" * 20])
def test_whatever_comes_is_read_as_the_library_reads_it_or_refused(blocks: list[bytes]) -> None:
    library, decoder = hpack.Decoder(), Decoder()
    library.max_allowed_table_size = TABLE_SIZE
    for block in blocks:
        found: list[tuple[bytes, bytes]] | None = None
        with contextlib.suppress(BadFieldsError):
            found = decoder.decode(block)
        try:
            expected = library.decode(block, raw=True)
        except hpack.HPACKError:
            return  # we need not be as strict: of where the size of the table may be changed, for one
        assert found == [(bytes(name), bytes(value)) for name, value in expected]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"\x80", "index 0"),
        (b"\xc0", "an entry of the table that is not there"),
        (b"\x40\x05ab", "cut off"),
        (b"\x40", "cut off"),
        (b"\x3f\xe2\x1f", "larger than allowed"),
        (b"\x7f" + b"\xff" * 5, "too large"),
        (b"\x00\x84\xff\xff\xff\xff\x00", "its end in the middle"),
        (b"\x00\x81\xfe\x00", "in the middle of a symbol"),
        (b"\x00\x82\x1f\xff\x00", "in the middle of a symbol"),
    ],
)
def test_what_is_wrong_is_said(block: bytes, reason: str) -> None:
    with pytest.raises(BadFieldsError, match=reason):
        Decoder().decode(block)


def test_the_table_forgets_the_oldest() -> None:
    encoder, decoder = hpack.Encoder(), Decoder()
    for number in range(500):
        fields = [(b"name-%d" % number, b"x" * 50), (b"again", b"same")]
        assert decoder.decode(encoder.encode(fields)) == fields
