"""A multipart form with one file, read piece by piece. No I/O: fed with bytes, it gives the file's bytes back.

No more than one field and what it was last fed with is in memory, however long the body is.
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
    """Reads one form.

    Attributes:
        fields: the fields so far, complete ones only.
        file_seen: whether the file's part has begun.

    Raises:
        RequestRefused: 415 ``not_multipart``, from the constructor.
    """

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get("boundary", "")
        if kind.lower() != "multipart/form-data" or not 0 < len(boundary) <= 200:
            detail = "A video is sent as multipart/form-data with a boundary."
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
            raise RequestRefused(415, "not_multipart", "The boundary cannot be one.") from None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in the next piece of the body; gives what of it is the file's.

        Raises:
            RequestRefused: 422 ``schema_error``: the form is broken, or more than this form may be.
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
        """The body is at its end.

        Raises:
            RequestRefused: 422 ``schema_error``: the form is not, or there is no file in it.
        """
        if not self._parser.closed:
            try:
                self._parser.close()
            except MultipartError:
                raise _broken("it ends in the middle") from None
        if not self.file_seen:
            raise _broken(f"it has no part named {FILE}")

    def _begin(self, segment: MultipartSegment) -> None:
        if segment.name in self.fields or (segment.name == FILE and self.file_seen):
            raise _broken("a name occurs twice in it")
        if segment.filename is not None and segment.name != FILE:
            raise _broken(f"a file that is not named {FILE} is in it")
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
    return RequestRefused(422, "schema_error", f"The form cannot be taken: {why}.")
