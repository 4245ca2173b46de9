"""The parser of an upload's form, fed in pieces of any size: its results, its refusals and its memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.rules.errors import RequestRefused
from gateway.uploads.form import MAX_FIELD_BYTES, MAX_PARTS, FormReader

TYPE = "multipart/form-data; boundary=XX"


def part(name: str, value: bytes, filename: str = "") -> bytes:
    file = f'; filename="{filename}"' if filename else ""
    return f'--XX\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + value + b"\r\n"


def body(*parts: bytes, end: bytes = b"--XX--\r\n") -> bytes:
    return b"".join(parts) + end


VIDEO = bytes(range(256)) * 40 + b"\r\n--X\r\n--XY"
GOOD = body(part("user_id", b"u"), part("file", VIDEO, "a.mp4"), part("intent", "größer".encode()))


def read(data: bytes, size: int = 64) -> tuple[FormReader, bytes]:
    reader = FormReader(TYPE)
    file = b"".join(piece for at in range(0, len(data), size) for piece in reader.feed(data[at : at + size]))
    reader.finish()
    return reader, file


@given(size=st.integers(1, len(GOOD)))
def test_the_form_is_the_same_however_it_is_cut(size: int) -> None:
    reader, file = read(GOOD, size)
    assert (reader.fields, file) == ({"user_id": "u", "intent": "größer"}, VIDEO)


def test_a_part_that_was_read_is_freed() -> None:
    reader = FormReader(TYPE)
    list(reader.feed(part("file", b"", "a.mp4")[:-2]))
    for _ in range(100):
        assert b"".join(reader.feed(bytes(65536)))
    assert len(reader._parser._buffer) < 1024


@pytest.mark.parametrize(
    "data",
    [
        body(part("user_id", b"u")),
        body(part("file", b"v", "a.mp4"), end=b""),
        body(part("file", b"v", "a.mp4"), part("file", b"v", "b.mp4")),
        body(part("user_id", b"u"), part("user_id", b"w"), part("file", b"v", "a.mp4")),
        body(part("user_id", b"u", "u.txt"), part("file", b"v", "a.mp4")),
        body(part("user_id", b"\xff\xfe"), part("file", b"v", "a.mp4")),
        body(part("intent", b"x" * (MAX_FIELD_BYTES + 1)), part("file", b"v", "a.mp4")),
        body(*(part(f"f{number}", b"x") for number in range(MAX_PARTS)), part("file", b"v", "a.mp4")),
        b"--XX\r\nContent-Disposition: form-data; name=" + b"x" * 20_000,
        b"--XX\r\nX: y\r\n\r\nno name\r\n--XX--\r\n",
        b"no form at all" * 100,
        b"",
    ],
    ids=["no file", "no end", "two files", "a name twice", "another file", "no text", "a long field", "many fields",
         "an endless header", "no name", "no form", "nothing"],
)  # fmt: skip
def test_an_invalid_form_is_refused(data: bytes) -> None:
    with pytest.raises(RequestRefused) as refused:
        read(data)
    assert (refused.value.status, refused.value.code) == (422, "schema_error")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "multipart/form-data",
        "multipart/mixed; boundary=X",
        "multipart/form-data; boundary=",
        f"multipart/form-data; boundary={'x' * 201}",
    ],
)
def test_another_content_type_is_refused_before_its_body(content_type: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        FormReader(content_type)
    assert (refused.value.status, refused.value.code) == (415, "not_multipart")
