# Sourced by the commands beside it: makes .venv and installs requirements.lock into it, once.
#
# SET_UP, which a command sets before, is the part of the lock that it needs: run (what the product imports), extras (its
# extras too), or all (tests and tools too), which is the default. Each has what the ones before it have.
#
# A stamp in .venv has the hash of its inputs and the part; while it matches, setup does nothing. A lock keeps two
# commands from setting up at once. A mark in .venv shows that an earlier setup was interrupted; setup then starts over.

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

# includes PART WANTED: whether the one part has all of the other. A stamp without a part is that of all.
includes() { case ${1:-all}:$2 in all:* | *:run | extras:extras) ;; *) return 1 ;; esac; }

is_set_up() {
    local hash part
    [ -x "$VENV/bin/python" ] && { read -r hash part <"$STAMP"; } 2>/dev/null || return
    includes "$part" "$1" && [ "$hash" = "$(wanted_stamp)" ]
}

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

# need_tools NAME WHAT: install requirements-NAME.lock into .cache/NAME, an environment of its own.
need_tools() {
    local lock=$ROOT/requirements-$1.lock tools=$ROOT/.cache/$1 wanted
    wanted=$({ printf '%s\n' "$ROOT"; cat "$lock"; } | sha256 | cut -d ' ' -f 1)
    [ "$(cat "$tools/stamp" 2>/dev/null)" != "$wanted" ] || return 0
    say "installing $2"
    rm -rf "$tools"
    "$VENV/bin/python" -m venv --without-pip "$tools"
    pip --python "$tools/bin/python" -qq install --no-deps --require-hashes -r "$lock" || return
    printf '%s\n' "$wanted" >"$tools/stamp"
}

pip() { "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }

program() { PYTHONPATH=$ROOT "$VENV/bin/python" -m "$@"; } # a program of the project, before the project is installed

# progress: read what pip or uv prints; say which large packages are there and, at least every 5 s, what it does; show all of
# an error. There are no control characters, so a terminal and a log have the same.
progress() {
    local line began=$SECONDS shown=$SECONDS failed='' doing=downloading large=0 here=0 collected=0
    while true; do
        if IFS= read -rt 1 line; then
            case $failed$line in
                "failed "* | ERROR:* | error:* | *×*) failed="failed " && printf '%s\n' "$line" >&2 ;;
                "Downloading "*) large=$((large + 1)) ;;
                " Downloaded "*)
                    here=$((here + 1)) shown=$SECONDS
                    say "  ${line# Downloaded } is here, $here of the $large large ones"
                    ;;
                Collecting* | "Requirement already"*) collected=$((collected + 1)) && doing="downloading package $collected" ;;
                "Prepared "* | "Installing "*) doing=installing ;;
                "Installed "*) doing=compiling ;;
            esac
        elif [ $? -le 128 ]; then # the end, and not the time-out
            break
        fi
        [ $((SECONDS - shown)) -ge 5 ] || continue
        shown=$SECONDS
        say "  $doing, $((SECONDS - began)) s"
    done
}

# uv downloads in parallel. Its settings are pip's, unless it has its own.
by_uv() (
    set -o pipefail
    pip -qq install --no-deps --require-hashes -r "$ROOT/requirements-uv.lock" && [ -x "$VENV/bin/uv" ] || return
    while IFS= read -r setting; do export "${setting?}"; done < <(pip config list 2>/dev/null | program scripts.build.uv_settings)
    cd / # pyproject.toml has overrides, which are for making the lock
    "$VENV/bin/uv" pip install --python "$VENV/bin/python" --no-deps --require-hashes --index-strategy unsafe-best-match \
        -r "$@" 2>&1 | progress
)

by_pip() (
    set -o pipefail
    pip install --progress-bar off --no-deps --require-hashes -r "$1" 2>&1 | progress
)

# install_lock LOCK [OPTION OF UV]: with uv, or with pip if that fails; uv returns 130 after Ctrl-C.
install_lock() {
    local status=0
    by_uv "$@" || status=$?
    case $status in
        0) ;;
        130 | 143) exit $status ;;
        *)
            say "uv could not do it; pip does, which takes longer"
            by_pip "$1"
            ;;
    esac
}

packages_in() { grep -v "; sys_platform == 'never'" "$1" | sed -n 's/==.*//p' | sort -u | wc -l; }

# install_part PART: first what the product imports, and compile it, so that the first start is as quick as the next ones, also
# if Python may not write bytecode at an import; then the rest, which is compiled when it is used: all of it takes minutes.
install_part() {
    local lock=$VENV/a3cp-run.lock
    program scripts.build.packages run >"$lock"
    say "downloading and installing $(packages_in "$lock") packages"
    install_lock "$lock" --compile-bytecode || die "the packages could not be installed"
    case $1 in
        run) return ;;
        extras) lock=$VENV/a3cp-extras.lock && program scripts.build.packages extras >"$lock" ;;
        all) lock=$ROOT/requirements.lock ;;
    esac
    say "downloading and installing the others of $(packages_in "$lock") packages"
    install_lock "$lock" || die "the packages could not be installed"
}

size_of() { case $1 in run) echo "650 MB" ;; extras) echo "1.3 GB" ;; *) echo "2 GB" ;; esac; }

install_into_venv() {
    local part=$1 python had began=$SECONDS
    if [ -e "$UNFINISHED" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        python=$(find_python)
        need_venv "$python"
        say "making .venv with $("$python" --version), only this once: $(size_of "$part") on the disk"
        rm -rf "$VENV"
        mkdir "$VENV"
        : >"$UNFINISHED"
        "$python" -m venv "$VENV"
    else
        say "bringing .venv up to date"
        : >"$UNFINISHED"
        # a .venv that has more keeps it
        if { read -r _ had <"$STAMP"; } 2>/dev/null && includes "$had" "$part"; then part=${had:-all}; fi
    fi
    rm -f "$STAMP"
    install_part "$part"
    say "installing the project itself"
    pip -qq install --no-deps --no-build-isolation -e "$ROOT" || die "the project could not be installed"
    say "compiling"
    "$VENV/bin/python" -m compileall -q -x /node_modules/ "$ROOT"/{contracts,gateway,workers,recorder,scripts} || true
    printf '%s %s\n' "$(wanted_stamp)" "$part" >"$STAMP.new"
    mv "$STAMP.new" "$STAMP"
    rm -f "$UNFINISHED"
    say "done in $((SECONDS - began)) s"
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

# set_up PART
set_up() {
    is_set_up "$1" && return
    need_own_folder
    (
        if command -v flock >/dev/null; then flock 9; fi
        is_set_up "$1" || install_into_venv "$1" 9>&-
    ) 9>"$ROOT/.cache/setup.lock"
}

set_up "${SET_UP:-all}"
