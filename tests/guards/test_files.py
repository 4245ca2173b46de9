"""Who changes the file system.

A session's log has one writer: its lines are whole and never lost because exactly one module appends under exactly
one lock. An artifact is complete or absent because exactly one module links it into place. So whatever changes a
file or a folder is listed here, call by call, with its reason; anything else, and any entry no longer needed, fails.
"""

from __future__ import annotations

import ast
from typing import NamedTuple

import pytest

from tests.guards.sources import PACKAGES, Source, example, listed, sources

_OS = (
    "open write pwrite writev pwritev truncate ftruncate link symlink rename renames replace remove unlink rmdir mkdir "
    "makedirs mkfifo mknod sendfile copy_file_range splice system popen posix_spawn posix_spawnp execl execle execlp "
    "execlpe execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe"
)
_SUBPROCESS = "run Popen call check_call check_output getoutput getstatusoutput"
_NUMPY = "save savez savez_compressed savetxt memmap"
FUNCTIONS = {
    *(f"os.{name}" for name in _OS.split()),
    *(f"subprocess.{name}" for name in _SUBPROCESS.split()),  # another program may write files for this one
    *(f"numpy.{name}" for name in _NUMPY.split()),
    *("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "pty.spawn"),
    *("fcntl.flock", "fcntl.lockf", "mmap.mmap", "sqlite3.connect", "shelve.open", "dbm.open"),
    *("logging.FileHandler", "logging.basicConfig", "cv2.imwrite", "cv2.VideoWriter"),
}
_METHODS = (
    "write_text write_bytes touch mkdir rmdir unlink rename symlink_to hardlink_to tofile save savefig to_csv "
    "to_parquet extract extractall"
)
METHODS = {f".{name}" for name in _METHODS.split()}
MODULES = ("shutil.", "tempfile.", "logging.handlers.")
ARCHIVES = ("zipfile.ZipFile", "tarfile.TarFile", "gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile", "io.FileIO")
"""They open a file as ``open`` does, by a mode that is their second argument."""

HIDING = {"os", "io", "builtins", "pathlib", "shutil", "tempfile", "subprocess", "posix"}
"""Modules whose functions must be called by their names: ``getattr(os, name)`` may be any of them."""


class Allowed(NamedTuple):
    """The calls by which one module changes files, and the reason why that module."""

    calls: set[str]
    reason: str


ALLOWED = {
    "recorder/writer.py": Allowed(
        {"os.open", "os.write", "os.ftruncate", "fcntl.flock"}, "the only writer of session logs"
    ),
    "recorder/removal.py": Allowed(
        {"os.open", "os.write", ".mkdir", ".replace", ".unlink", "shutil.rmtree"},
        "`a3cp forget`: removes a person's logs while no recorder runs, and writes the register",
    ),
    "scripts/stack/authority.py": Allowed(
        {".mkdir", ".replace", ".unlink", "tempfile.NamedTemporaryFile"}, "the local authority of `a3cp up --lan`"
    ),
    "workers/vision/removal.py": Allowed({"shutil.rmtree"}, "`a3cp forget`: removes a person's artifacts"),
    "scripts/backups/copying.py": Allowed(
        {
            *("os.open", "os.fdopen", "os.link", "fcntl.flock", "shutil.rmtree"),
            *(".mkdir", ".replace", ".unlink"),
        },
        "`a3cp backup` and `restore`: files of a backup, each whole; a log is locked so that no line is half written",
    ),
    "scripts/backups/broker.py": Allowed(
        {"shutil.rmtree", ".unlink"}, "the copy of the events broker's file, before and after a server has loaded it"
    ),
    "scripts/commands/backup.py": Allowed(
        {"shutil.rmtree", ".unlink"}, "the older copy, once a newer one is complete; a register that is gone"
    ),
    "scripts/commands/restore.py": Allowed(
        {".mkdir", ".unlink"}, "the folders of the settings, which are empty, and the note of a killed restore"
    ),
    "scripts/stack/offline.py": Allowed({".unlink"}, "what a killed rewrite of the embedded broker's file left"),
    "workers/vision/local_store.py": Allowed(
        {"os.open", "os.fdopen", "os.link", ".unlink"}, "the only writer of artifacts: a temporary file, linked whole"
    ),
    "workers/vision/matrix.py": Allowed({"zipfile.ZipFile"}, "the artifact's bytes, in memory"),
    "gateway/preview/animation.py": Allowed({".save"}, "a GIF, in memory"),
    "gateway/preview/sheet.py": Allowed({".save"}, "a PNG, in memory"),
    "scripts/pictures/plot.py": Allowed({".savefig"}, "a PNG, in memory"),
    "scripts/pictures/trace.py": Allowed({".savefig"}, "a PNG, in memory"),
    "scripts/measurements/trace.py": Allowed(
        {"tempfile.TemporaryDirectory", ".write_bytes"}, "the folders of a stack that is traced, and the picture"
    ),
    "scripts/stack/supervision.py": Allowed({"asyncio.create_subprocess_exec"}, "the parts of the stack"),
    "scripts/measurements/start.py": Allowed(
        {"asyncio.create_subprocess_exec"}, "the commands whose start is measured"
    ),
    "scripts/measurements/memory.py": Allowed({"asyncio.create_subprocess_exec"}, "the bare process beside ours"),
    "scripts/measurements/plot.py": Allowed({".savefig"}, "the figures of the measurements' own page"),
    "workers/vision/pipelines/model.py": Allowed({"os.fdopen"}, "MediaPipe's model as a file in memory, on no disk"),
    "workers/pool/process.py": Allowed({"os.fdopen", ".open"}, "native logs go to the null device; no file is opened"),
    "gateway/library/database.py": Allowed(
        {"sqlite3.connect", "tempfile.TemporaryDirectory", "os.link", "shutil.rmtree", ".mkdir", ".unlink"},
        "the catalog in the state folder, which is derived from the logs",
    ),
    "gateway/sessions/store.py": Allowed({".mkdir"}, "a session's directories are made when it starts, nowhere else"),
    "contracts/process/line_writer.py": Allowed(
        {"os.write"}, "lines of logs, to the descriptor that standard error has"
    ),
    "contracts/process/run.py": Allowed({"os.open"}, "the null device, for a standard descriptor that is closed"),
    "contracts/process/access_uses.py": Allowed(
        {"os.open", "os.fdopen", "fcntl.flock", ".mkdir", ".replace"},
        "names of entries and times, in the state folder",
    ),
    "contracts/process/folder_lock.py": Allowed(
        {"os.open", "fcntl.flock"}, "whether a folder or a file is locked; it is let go at once"
    ),
    "scripts/measurements/library_files.py": Allowed(
        {".mkdir", ".write_bytes", "os.link"}, "a generated library, in the measurement's own folders"
    ),
    "scripts/measurements/scrolling.py": Allowed({"shutil.which"}, "looks for the browser that it measures"),
    "scripts/measurements/library_logs.py": Allowed(
        {".mkdir", ".write_bytes"}, "generated logs, in a folder for them: no gateway's"
    ),
    "contracts/storage/session_log.py": Allowed(
        {"fcntl.flock"}, "whether a recorder is writing the last line; it is let go at once"
    ),
    "contracts/storage/files.py": Allowed(
        {"os.open"},
        "reads with flags that keep it from waiting for a FIFO, and opens a folder to sync its names",
    ),
    "contracts/process/metrics.py": Allowed(
        {"os.open", "fcntl.flock", "tempfile.mkdtemp", "tempfile.gettempdir", "shutil.rmtree"},
        "numbers that the processes of a pool share: a private folder, gone when the pool ends",
    ),
    "scripts/stack/embedded.py": Allowed(
        {"os.open", "fcntl.flock", "tempfile.mkdtemp", "shutil.rmtree", ".mkdir", ".unlink", ".rmdir"},
        "the state folder of the embedded brokers, its lock and their sockets; snapshots of frames are deleted",
    ),
    "scripts/commands/access_text.py": Allowed(
        {"os.open", "fcntl.flock", ".replace", "tempfile.NamedTemporaryFile", ".unlink"},
        "`a3cp access`: a new file of entries in the place of the old one, under its lock",
    ),
    "scripts/commands/study.py": Allowed({".open"}, "`a3cp study new`: an example, only where no file is"),
    "scripts/stack/running.py": Allowed({".touch", ".write_text"}, "the note in the state folder of what runs"),
    "scripts/deploy/prepare.py": Allowed(
        {".mkdir", ".write_text", ".replace"},
        "compose's first service: passwords in volumes, and folders given to the processes' user",
    ),
    "scripts/stack/stack.py": Allowed({".unlink"}, "the note in the state folder of what ran"),
    "scripts/terminal.py": Allowed({"os.open"}, "the null device, in place of a pipe that is closed"),
    "scripts/commands/folders.py": Allowed(
        {"tempfile.mkstemp", "fcntl.flock", ".unlink", "shutil.disk_usage"}, "the doctor's try, which is gone at once"
    ),
    "scripts/measurements/__main__.py": Allowed(
        {"tempfile.TemporaryDirectory", ".mkdir", ".write_text"},
        "a stack of its own, gone when it ends; and bench.json",
    ),
    "scripts/measurements/recorder.py": Allowed({".mkdir"}, "a folder for logs, in the measurement's own one"),
    "scripts/measurements/bare_recorder.py": Allowed(
        {"os.open", "os.write", "fcntl.flock"}, "the same lines without a recorder, in the measurement's own folder"
    ),
    "scripts/deploy/image.py": Allowed({".mkdir", ".write_text"}, "one image's part of the lock, while it is built"),
    "scripts/exports/folder.py": Allowed(
        {"tempfile.mkdtemp", "shutil.rmtree", "os.open", "fcntl.flock", ".mkdir", ".write_bytes", ".rename"},
        "an export's folder: made beside its place, under a lock, and moved there whole",
    ),
    "scripts/pictures/show.py": Allowed(
        {".mkdir", ".write_bytes", ".replace", ".unlink"}, "the pictures, in the folder that was named, each whole"
    ),
    "scripts/commands/demo.py": Allowed(
        {"tempfile.mkdtemp", "shutil.rmtree"}, "the demo's own state, gone when it ends"
    ),
}


def changes(module: Source) -> dict[str, list[str]]:
    """The calls by which a module changes files, each with its line."""
    found: dict[str, list[str]] = {}
    why = "changes the file system and is not in this guard's list"
    for call, name in module.calls:
        if _changes(module, call, name):
            found.setdefault(name, []).append(module.at(call, f"{name} {why}"))
    for node, name in _handed_on(module):
        found.setdefault(name, []).append(module.at(node, f"{name} {why}"))
    return found


def _handed_on(module: Source) -> list[tuple[ast.AST, str]]:
    """Functions that change files and are not called here but given to something that may call them."""
    called = {id(call.func) for call, _ in module.calls}
    names = FUNCTIONS | METHODS | {"open", "io.open"}
    return [
        (node, name)
        for node in module.nodes
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load) and id(node) not in called
        if (name := module.dotted(node)) in names
    ]


def _changes(module: Source, call: ast.Call, name: str) -> bool:
    if name in FUNCTIONS or name in METHODS or name.startswith(MODULES):
        return True
    if name in ("getattr", "vars", "operator.attrgetter") and call.args:
        return module.dotted(call.args[0]) in HIDING
    if name in ARCHIVES:
        return _opens_for_writing(call, 1)
    if name == ".replace":  # Path.replace takes one argument; those of str and datetime take others
        return len(call.args) == 1 and not call.keywords
    if name.rpartition(".")[2] in ("open", "fdopen"):
        return _opens_for_writing(call, 0 if name.startswith(".") else 1)
    return False


def _opens_for_writing(call: ast.Call, position: int) -> bool:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"] or call.args[position : position + 1]
    if not given:
        return False
    mode = given[0]
    return not (isinstance(mode, ast.Constant) and isinstance(mode.value, str)) or bool(set("wax+") & set(mode.value))


def unlisted(module: Source) -> list[str]:
    """Changes that the list does not allow to this module."""
    allowed = ALLOWED[module.path].calls if module.path in ALLOWED else set()
    return [finding for name, places in changes(module).items() if name not in allowed for finding in places]


def test_only_the_listed_modules_change_files() -> None:
    findings = [finding for module in sources(*PACKAGES) for finding in unlisted(module)]
    assert not findings, listed(findings)


def test_the_list_has_no_unused_entry() -> None:
    done = {module.path: set(changes(module)) for module in sources(*PACKAGES)}
    stale = [
        f"{path}: {sorted(entry.calls - done.get(path, set()))} is allowed and not done"
        for path, entry in ALLOWED.items()
        if entry.calls - done.get(path, set())
    ]
    assert not stale, listed(stale)


@pytest.mark.parametrize(
    "text",
    [
        "open(path, 'a')",
        "open(path, mode='r+b')",
        "open(path, mode)",
        "path.open('wb')",
        "path.open(mode='x')",
        "import io\nio.open(path, 'w')",
        "import os\nos.open(path, flags)",
        "from os import open as start\nstart(path, 1)",
        "import os as system\nsystem.rename(a, b)",
        "from os import write\nwrite(descriptor, line)",
        "import fcntl\nfcntl.flock(log, fcntl.LOCK_EX)",
        "root.joinpath('a').write_text('b')",
        "(root / 'a').write_bytes(b'')",
        "root.mkdir(parents=True)",
        "temporary.replace(path)",
        "path.rename(other)",
        "import shutil\nshutil.copy(a, b)",
        "from tempfile import NamedTemporaryFile\nNamedTemporaryFile()",
        "import logging\nlogging.FileHandler(path)",
        "import logging\nlogging.basicConfig(filename=path)",
        "from logging.handlers import RotatingFileHandler\nRotatingFileHandler(path)",
        "import zipfile\nzipfile.ZipFile(path, 'a')",
        "from zipfile import ZipFile\nZipFile(path, mode='w')",
        "import tarfile\ntarfile.open(path, 'w:gz')",
        "import gzip\ngzip.open(path, 'ab')",
        "image.save(path)",
        "figure.savefig(path)",
        "table.to_csv(path)",
        "archive.extractall(path)",
        "import os\ngetattr(os, 'open')(path, flags)",
        "import io\ngetattr(io, name)(path, 'w')",
        "import os as system\nvars(system)['open'](path, flags)",
        "import subprocess\nsubprocess.run(['tee', '-a', path])",
        "from subprocess import Popen\nPopen(['tee', path])",
        "import asyncio\nasyncio.create_subprocess_exec('tee', path)",
        "import os\nos.system('echo >> file')",
        "import sqlite3\nsqlite3.connect(path)",
        "import numpy as np\nnp.memmap(path, mode='w+')",
        "import cv2\ncv2.imwrite(path, image)",
        "import asyncio, os\nasyncio.to_thread(os.write, descriptor, line)",
        "import asyncio\nasyncio.to_thread(path.write_text, line)",
        "from functools import partial\npartial(open, path, 'a')",
        "start = open",
    ],
)
def test_a_change_of_the_file_system_is_found(text: str) -> None:
    assert unlisted(example(text))


@pytest.mark.parametrize(
    "text",
    [
        "open(path)",
        "path.open('rb')",
        "import av\nav.open(path)",
        "import zipfile\nzipfile.ZipFile(io.BytesIO(data))",
        "getattr(found, part)",
        "import logging\nlogging.getLogger('x').addHandler(handler)",
        "text.replace('a', 'b')",
        "moment.replace(tzinfo=UTC)",
    ],
)
def test_reading_is_no_change(text: str) -> None:
    assert not changes(example(text))


def test_a_listed_module_may_do_only_what_is_listed() -> None:
    assert unlisted(example("path.write_text('line')", "recorder/writer.py"))


def log_paths(module: Source) -> list[str]:
    """Spelled-out places of session logs."""
    return [
        module.at(node, "where session logs are is known to contracts/rules/paths.py alone")
        for node, text in module.strings
        if ".jsonl" in text or "logs/" in text
    ]


SPELLS_LOG_PATHS = {
    "contracts/rules/paths.py": "it is the one",
    "recorder/verify.py": "tells the operator which form of path it wants",
    "scripts/backups/rules.py": "says where the logs of a backup's copy are",
}


def test_where_logs_are_is_spelled_in_one_place() -> None:
    modules = sources(*PACKAGES)
    findings = [finding for module in modules if module.path not in SPELLS_LOG_PATHS for finding in log_paths(module)]
    assert not findings, listed(findings)
    assert {module.path for module in modules if log_paths(module)} == set(SPELLS_LOG_PATHS)


@pytest.mark.parametrize("text", ["root / 'logs/users'", "path = f'{session_id}.jsonl'"])
def test_a_spelled_log_path_is_found(text: str) -> None:
    assert log_paths(example(text))


def log_uses(module: Source, names: set[str]) -> list[str]:
    """Uses of the logs' root, or of a path below it."""
    return [
        module.at(node, "session logs have one writer; who may know where they are is in this guard's list")
        for node in module.nodes
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.arg) and node.arg in names)
        or (isinstance(node, ast.Constant) and node.value in names)
    ]


PATHS = {"session_log_path", "session_log_dir"}
"""What makes the path of a log, or of the folder that it is in."""

MAKE_LOG_PATHS = {
    "contracts/rules/paths.py": "it is the one that knows",
    "contracts/storage/log_tail.py": "finds logs and reads them",
    "gateway/sessions/store.py": "makes the folder when a session starts",
    "recorder/writer.py": "the only writer",
    "recorder/sweep.py": "looks whether a line is there",
    "recorder/verify.py": "reads",
    "scripts/commands/demo.py": "reads, to show the line",
    "scripts/commands/session_logs.py": "finds the logs that a command is to read",
    "scripts/measurements/library_logs.py": "generates logs in a folder for them",
    "scripts/measurements/cameras.py": "reads, to see when the lines are there",
    "scripts/measurements/closing.py": "reads, to see when the line is there",
    "scripts/measurements/trace.py": "reads, to see when the line is there",
    "scripts/measurements/recorder.py": "makes a folder of its own to measure in",
}
ROOTS = {"log_root", "session_log_pattern"}
"""What says below which folder logs are, and which of its files they are."""

KNOW_THE_ROOT = {
    *("contracts/rules/paths.py", "contracts/process/settings.py", "contracts/storage/log_tail.py"),
    *("gateway/library/catalog.py", "gateway/library/library.py"),
    *("gateway/process.py", "gateway/monitoring/disks.py", "gateway/sessions/routes.py", "gateway/sessions/store.py"),
    *("gateway/operate/captures.py", "gateway/operate/dead.py"),
    *(f"recorder/{name}.py" for name in ["__main__", "handler", "removal", "sweep", "verify", "writer"]),
    *(
        "scripts/backups/check.py",
        "scripts/backups/copying.py",
        "scripts/commands/backup.py",
        "scripts/commands/restore.py",
        "scripts/commands/catalog.py",
        "scripts/commands/demo.py",
        "scripts/commands/folders.py",
        "scripts/commands/forget.py",
        "scripts/commands/offline.py",
        "scripts/commands/up.py",
        "scripts/commands/verify.py",
    ),
    *("scripts/exports/command.py", "scripts/commands/session_logs.py"),
    *("scripts/pictures/record.py", "scripts/pictures/show.py"),
    *(
        f"scripts/measurements/{name}.py"
        for name in [
            "__main__",
            "cameras",
            "closing",
            "extraction",
            "library",
            "library_files",
            "library_logs",
            "recorder",
            "trace",
            "traces",
            "start",
        ]
    ),
}


@pytest.mark.parametrize(("names", "known"), [(PATHS, set(MAKE_LOG_PATHS)), (ROOTS, KNOW_THE_ROOT)])
def test_only_the_listed_modules_know_where_logs_are(names: set[str], known: set[str]) -> None:
    modules = sources(*PACKAGES)
    findings = [finding for module in modules if module.path not in known for finding in log_uses(module, names)]
    assert not findings, listed(findings)
    assert {module.path for module in modules if log_uses(module, names)} == known, "an entry is no longer needed"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gateway/capture/report.py", "handler(session_log_path(root, user_id, session_id))"),
        ("scripts/pictures/show.py", "session_log_path(root, user, session).write_bytes(b'')"),
        ("workers/example.py", "session_log_dir(root, user_id)"),
        ("scripts/example.py", "import contracts.rules.paths\ncontracts.paths.session_log_path(root, u, s)"),
        ("scripts/example.py", "getattr(contracts.rules.paths, 'session_log_path')"),
    ],
)
def test_an_unlisted_module_that_makes_the_path_of_a_log_is_found(path: str, text: str) -> None:
    assert path not in MAKE_LOG_PATHS and log_uses(example(text, path), PATHS)


def test_a_worker_that_asks_for_the_logs_is_found() -> None:
    assert not [path for path in {*MAKE_LOG_PATHS, *KNOW_THE_ROOT} if path.startswith("workers/")]
    assert log_uses(example("settings.log_root", "workers/example.py"), ROOTS)
