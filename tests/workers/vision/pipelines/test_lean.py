"""MediaPipe without the modules that workers leave out has the same findings as the whole of it."""

from __future__ import annotations

import os
import subprocess
import sys

from workers.vision.pipelines.lean import _OPENCV_THREADS

LOOK = """
import hashlib, os, sys
import simplejpeg
from tests.support.clips import face_clip
if sys.argv[1] == "plain":
    import mediapipe
from contracts.messages.pipelines import PIPELINES
from workers.vision.pipelines.registry import make_pipeline
seen = hashlib.sha256()
for pipeline_id in sorted(PIPELINES):
    pipeline = make_pipeline(pipeline_id)
    for jpeg in face_clip(3, 320, 240):
        for part, landmarks in pipeline.process(simplejpeg.decode_jpeg(jpeg)).landmarks.items():
            seen.update(f"{pipeline_id} {part}".encode() + landmarks.tobytes())
            assert landmarks.size
    pipeline.close()
drawing = "matplotlib.pyplot" in sys.modules
from importlib import import_module
left_out = map(import_module, ('mediapipe.python.solutions.drawing_utils', 'mediapipe.tasks.python.vision'))
print(seen.hexdigest(), drawing, all(module.__file__ for module in left_out),
      os.environ.get('OPENCV_FOR_THREADS_NUM'))
"""


def look(how: str) -> list[str]:
    environ = {name: value for name, value in os.environ.items() if name != _OPENCV_THREADS}  # this process may have it
    answer = subprocess.run([sys.executable, "-c", LOOK, how], capture_output=True, text=True, env=environ)
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout.split()


def test_every_pipeline_finds_the_same_bits_and_what_was_left_out_can_still_be_loaded() -> None:
    lean, plain = look("lean"), look("plain")
    assert lean[0] == plain[0]
    assert lean[2] == plain[2] == "True"
    assert (lean[1], plain[1]) == ("False", "True")
    assert (lean[3], plain[3]) == ("1", "None")  # threads of MediaPipe's OpenCV: the bits do not depend on them
