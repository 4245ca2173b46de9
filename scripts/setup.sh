# Sourced by the commands beside it: makes .venv and installs requirements.lock into it, once.
#
# A stamp in .venv has the hash of its inputs; while it matches, setup does nothing. A lock keeps two commands from
# setting up at once. A mark in .venv shows that an earlier setup was interrupted; setup then starts over.

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
STAMP=$VENV/a3cp-stamp
UNFINISHED=$VENV/a3cp-unfinished

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

sha256() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }

# The inputs of .venv: the lock, the project's own metadata, and the path (a venv cannot be moved).
wanted_stamp() { { printf '%s\n' "$ROOT"; cat "$ROOT/requirements.lock" "$ROOT/pyproject.toml"; } | sha256 | cut -d ' ' -f 1; }

is_set_up() { [ -x "$VENV/bin/python" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$(wanted_stamp)" ]; }

find_python() {
    local name
    # PYTHON chooses one of several; a version manager's shim may exist and still fail
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "Python 3.11 or 3.12 is needed, and none is here: apt-get install python3"
}

# Debian keeps a part of venv in a package of its own.
need_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "installing python3-venv"
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends python3-venv; } \
            >/dev/null || die "python3-venv could not be installed"
        "$1" -c 'import ensurepip, venv' 2>/dev/null && return
    fi
    die "$1 cannot make a virtual environment: apt-get install python3-venv"
}

# install_debian [PACKAGE ...]: install packages that tests need; without root these tests are skipped.
install_debian() {
    [ $# -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "the tests that need them are skipped: apt-get install $*"
        return
    fi
    say "installing $*"
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then # Debian starts no service while this program exits with 101
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
        made=1
    fi
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@"; } \
        >/dev/null || say "the tests that need them are skipped: $* could not be installed"
    [ -z "$made" ] || rm -f "$policy"
}

install_into_venv() {
    local python pip=("$VENV/bin/python" -m pip --disable-pip-version-check -qq)
    if [ -e "$UNFINISHED" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        python=$(find_python)
        need_venv "$python"
        say "making .venv with $("$python" --version), only this once: 2 GB on the disk"
        rm -rf "$VENV"
        mkdir "$VENV"
        : >"$UNFINISHED"
        "$python" -m venv "$VENV"
    else
        say "bringing .venv up to date"
        : >"$UNFINISHED"
    fi
    rm -f "$STAMP"
    say "downloading and installing $(grep -c '==' "$ROOT/requirements.lock") packages: a minute, or ten on a slow line"
    "${pip[@]}" install --no-deps --require-hashes -r "$ROOT/requirements.lock" || die "the packages could not be installed"
    say "installing the project itself"
    "${pip[@]}" install --no-deps --no-build-isolation -e "$ROOT" || die "the project could not be installed"
    say "compiling"
    # so that the first start is as quick as the next ones, also if Python may not write bytecode at an import
    "$VENV/bin/python" -m compileall -q -x /node_modules/ "$ROOT"/{contracts,gateway,workers,recorder,scripts} || true
    wanted_stamp >"$STAMP.new"
    mv "$STAMP.new" "$STAMP"
    rm -f "$UNFINISHED"
}

# A user can run another user's clone that is set up, but cannot set it up.
need_own_folder() {
    { mkdir -p "$ROOT/.cache" && : >>"$ROOT/.cache/setup.lock"; } 2>/dev/null && [ -w "$ROOT" ] && return
    die "$ROOT cannot be written to; if it is another user's, make a clone of your own, or have its owner set it up"
}

name_folder() {
    local value=${!1:-$ROOT/$2}
    case $value in /* | "~"* | *://*) ;; *) value=$PWD/$value ;; esac # the settings' own check handles ~ and refuses URLs
    export "$1=$value"
}

# keep_folders: change to the clone. If the command was called from another folder, make the folders' settings absolute, so
# that the printed paths are right there; folders that are not set are the clone's.
keep_folders() {
    [ "$PWD" != "$ROOT" ] || return 0
    name_folder DATA_ROOT data
    name_folder LOG_ROOT logs
    name_folder A3CP_STATE_DIR state
    cd "$ROOT"
}

set_up() {
    is_set_up && return
    need_own_folder
    (
        if command -v flock >/dev/null; then flock 9; fi
        is_set_up || install_into_venv 9>&-
    ) 9>"$ROOT/.cache/setup.lock"
}

set_up
