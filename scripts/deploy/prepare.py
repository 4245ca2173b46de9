"""What compose runs first, as root and without a network: the brokers' users, and folders that the processes may use.

Passwords are made once and stay in volumes of which each process sees its own; the brokers get their hashes. A folder
that the engine has made belongs to root: it is given to the processes' user, with the group of this file's owner,
so that `a3cp verify` can read what is written there.
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
    """Make what is missing of the passwords; write the rules and the URLs. Each file is there whole or not at all."""
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
    """The only reader of the volume is its process, under whatever user: so all may read."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o444)
    new.replace(path)


def hand_over(folder: Path, uid: int, gid: int) -> str:
    """Give an empty folder to a user and a group; returns what is wrong with one that is another's and not empty."""
    owner = folder.stat().st_uid
    if owner == uid:
        return ""
    if any(folder.iterdir()):
        return (
            f"{folder} has files of user {owner}: set A3CP_USER={owner}:{folder.stat().st_gid}, or name other folders"
        )
    os.chown(folder, uid, gid)
    folder.chmod(0o2770)  # what is made in it gets its group
    return ""


def main(user: str) -> int:
    """``user`` is the processes': a number, or two with a colon between them."""
    provide(Path("/keys"))
    uid = int(user.partition(":")[0])
    gid = Path(__file__).stat().st_gid
    problems = [problem for name in ("/data", "/logs") if (problem := hand_over(Path(name), uid, gid))]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
