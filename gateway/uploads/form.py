"""Parse a multipart form with one file, piece by piece. No I/O: the caller feeds the body and gets the file's bytes.

Only one field and the last piece of the body are in memory, even if the body is long.
"""

from __future__ import annotations

from collections.abc import Iterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from contracts.rules.errors import RequestRefused

__all__ = ["FILE", "MAX_FIELD_BYTES", "MAX_PARTS", "FormReader"]

FILE = "file"
MAX_FIELD_BYTES = 4096
MAX_PARTS = 16
MAX_HEADER_BYTES = 4096
MAX_HEADERS = 8


class FormReader:
    """Parses one form.

    Attributes:
        fields: the fields that are complete so far.
        file_seen: whether the file's part has begun.

    Raises:
        RequestRefused: 415 ``not_multipart``, by the constructor.
    """

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get("boundary", "")
        if kind.lower() != "multipart/form-data" or not 0 < len(boundary) <= 200:
            detail = "Send the video as multipart/form-data with a boundary."
            raise RequestRefused(415, "not_multipart", detail)
        self.fields: dict[str, str] = {}
        self.file_seen = False
        self._name: str | None = None
        self._value = bytearray()
        try:
            self._parser = PushMultipartParser(
                boundary, max_header_size=MAX_HEADER_BYTES, max_header_count=MAX_HEADERS, max_segment_count=MAX_PARTS
            )
        except MultipartError:
            raise RequestRefused(415, "not_multipart", "The boundary is invalid.") from None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Parse the next piece of the body. Yields the file's bytes in it.

        Raises:
            RequestRefused: 422 ``schema_error``; the form is malformed, or exceeds its limits.
        """
        try:
            for event in self._parser.parse(data) if data else ():
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event is None:
                    self._end()
                elif self._name == FILE:
                    yield bytes(event)
                else:
                    self._value += event
                    if len(self._value) > MAX_FIELD_BYTES:
                        raise _broken(f"a field is longer than {MAX_FIELD_BYTES} bytes")
        except MultipartError:
            raise _broken("it is not well-formed") from None

    def finish(self) -> None:
        """Check, at the end of the body, that the form is complete.

        Raises:
            RequestRefused: 422 ``schema_error``; the form is incomplete, or has no file.
        """
        if not self._parser.closed:
            try:
                self._parser.close()
            except MultipartError:
                raise _broken("it is incomplete") from None
        if not self.file_seen:
            raise _broken(f"it has no part named {FILE}")

    def _begin(self, segment: MultipartSegment) -> None:
        if segment.name in self.fields or (segment.name == FILE and self.file_seen):
            raise _broken("a name occurs twice")
        if segment.filename is not None and segment.name != FILE:
            raise _broken(f"it has a file that is not named {FILE}")
        self._name = segment.name
        self.file_seen = self.file_seen or segment.name == FILE
        self._value.clear()

    def _end(self) -> None:
        assert self._name is not None
        if self._name != FILE:
            try:
                self.fields[self._name] = self._value.decode()
            except UnicodeDecodeError:
                raise _broken("a field is not UTF-8") from None


def _broken(why: str) -> RequestRefused:
    return RequestRefused(422, "schema_error", f"The server cannot read the form: {why}.")
