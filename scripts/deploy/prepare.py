"""The first service of compose.yaml: make the brokers' users, and give the folders to the processes' user. It runs as
root and without a network.

It makes the passwords once. Each process sees only the volume with its own password, and the brokers get the hashes. A
folder that the container engine has made belongs to root; this program gives it to the processes' user, and to the
group of this file's owner, so that the owner's `a3cp verify` can read the files there.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import get_args

from contracts.broker.acl import User, acl_file, password_hash
from contracts.broker.roles import Role

ROLES: tuple[Role, ...] = get_args(Role)
USERS: tuple[User, ...] = get_args(User)


def provide(keys: Path) -> None:
    """Make the missing passwords, and write the ACL files and the URLs. Each file is written completely or not at
    all."""
    passwords = {user: _password(keys / user / "password") for user in USERS}
    for user, password in passwords.items():
        urls = [f"A3CP_{role.upper()}_URL=redis://{user}:{password}@{role}:6379" for role in ROLES]
        _write(keys / user / "urls", "\n".join(urls) + "\n")
    hashes = {user: password_hash(password) for user, password in passwords.items()}
    for role in ROLES:
        _write(keys / "brokers" / f"{role}.acl", acl_file(role, hashes))
    _write(keys / "brokers" / "monitor", passwords["monitor"] + "\n")


def _password(path: Path) -> str:
    if not path.is_file():
        _write(path, secrets.token_hex(24) + "\n")
    return path.read_text().strip()


def _write(path: Path, text: str) -> None:
    """Write a file that every user may read: only one process has the volume, and its user may be any."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o444)
    new.replace(path)


def hand_over(folder: Path, uid: int, gid: int) -> str:
    """Give an empty folder to a user and a group. Returns a sentence about the problem if it belongs to another user
    and is not empty, else an empty text."""
    owner = folder.stat().st_uid
    if owner == uid:
        return ""
    if any(folder.iterdir()):
        return (
            f"{folder} has files of user {owner}: set A3CP_USER={owner}:{folder.stat().st_gid}, or name other folders"
        )
    os.chown(folder, uid, gid)
    folder.chmod(0o2770)  # setgid: new files get the folder's group
    return ""


def main(user: str) -> int:
    """Prepare the volumes; returns 1 if a folder cannot be used. ``user`` is the processes' user, ``uid`` or
    ``uid:gid``."""
    provide(Path("/keys"))
    uid = int(user.partition(":")[0])
    gid = Path(__file__).stat().st_gid
    problems = [problem for name in ("/data", "/logs", "/state") if (problem := hand_over(Path(name), uid, gid))]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
