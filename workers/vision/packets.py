"""Read a video's packets without decoding: the stream of the pictures, and when each is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from av.stream import Disposition

from contracts.rules.errors import VideoError
from contracts.rules.limits import CaptureLimits
from workers.vision.sampling import MAX_SOURCE_FPS, Timeline, ends_early, too_long

__all__ = ["picture_stream", "read_timeline"]

_BESIDE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image

MAX_PACKETS = 1_000_000
"""So many are looked at to find out whether the file is whole: hours of sound beside two minutes of pictures."""


def picture_stream(container: Any) -> Any:
    """The stream whose pictures are meant: covers and thumbnails are pictures too; of several, the default one.

    Raises:
        VideoError: ``no_frames``: there is none.
    """
    streams = [one for one in container.streams.video if not one.disposition & _BESIDE]
    if not streams:
        raise VideoError("no_frames", "there is no picture in it, only sound or data")
    return min(
        streams, key=lambda one: (one.codec_context is None, not one.disposition & Disposition.default, one.index)
    )


@dataclass(slots=True)
class _PacketTimes:
    """What the packets so far have said; times in units of the stream's clock."""

    times: list[int] = field(default_factory=list)
    shown_until: int = 0
    whole: tuple[int, int] | None = None
    """From when until when the stream has packets, also such as are not to be shown."""
    furthest_s: float = 0.0
    """When the last packet of any stream ends."""

    def add(self, packet: Any, at: int, is_picture: bool) -> None:
        until = at + (packet.duration or 0)
        self.furthest_s = max(self.furthest_s, float(until * packet.time_base))
        if not is_picture:
            return
        first, last = self.whole or (at, until)
        self.whole = min(first, at), max(last, until)
        if not packet.is_discard:
            self.times.append(at)
            self.shown_until = max(self.shown_until, until) if len(self.times) > 1 else until


def read_timeline(
    packets: Iterable[Any], container: Any, stream: Any, first_shown: int | None, limits: CaptureLimits
) -> Timeline:
    """When the pictures of ``stream`` are shown: the first one at ``first_shown`` by its clock, at the first packet's
    time if that is None. ``packets`` are all of the container's.

    Raises:
        VideoError: it is longer than a capture may be, has too many pictures, or is not as long as it says.
    """
    seen = _PacketTimes()
    by_dts = container.format.name == "avi"  # AVI's packets have no other time
    for count, packet in enumerate(packets):
        at = packet.dts if by_dts or packet.pts is None else packet.pts
        if at is None or packet.time_base is None:
            continue
        is_picture = packet.stream_index == stream.index
        seen.add(packet, at, is_picture)
        if is_picture and seen.whole is not None:
            long_s = float((at - seen.whole[0]) * stream.time_base)
            if long_s > limits.max_duration_s + 1:
                raise too_long(long_s, limits)
            if len(seen.times) > MAX_SOURCE_FPS * (limits.max_duration_s + 1):
                raise VideoError("limit_fps_exceeded", f"over {MAX_SOURCE_FPS} frames a second")
        if count > MAX_PACKETS:
            break
    else:
        _check_whole(seen, container, stream)
    return _timeline(seen, stream, first_shown, limits)


def _check_whole(seen: _PacketTimes, container: Any, stream: Any) -> None:
    """A stream's own length counts from its first picture; a container's (Matroska) from zero, with all streams."""
    if stream.duration is not None:
        first, last = seen.whole or (0, 0)
        found_s, promised_s = float((last - first) * stream.time_base), float(stream.duration * stream.time_base)
    else:
        found_s, promised_s = seen.furthest_s, (container.duration or 0) / 1_000_000
    if ends_early(found_s, promised_s):
        raise VideoError("video_damaged", "it ends before it should")


def _timeline(seen: _PacketTimes, stream: Any, first_shown: int | None, limits: CaptureLimits) -> Timeline:
    origin = first_shown if first_shown is not None else min(seen.times, default=0)
    times = [at for at in seen.times if at >= origin]
    unit_s = Fraction(stream.time_base)
    return Timeline.of(
        [(at - origin) * unit_s for at in times],
        limits,
        header_rate=Fraction(stream.average_rate) if stream.average_rate else None,
        last_shown_s=(seen.shown_until - max(times, default=seen.shown_until)) * unit_s,
    )
