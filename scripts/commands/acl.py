"""``a3cp acl``: print the access rules of a broker as an ACL file, which the broker can load."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from contracts.broker.acl import User, acl_file, password_hash
from contracts.broker.roles import Role
from contracts.rules.errors import ConfigurationError

__all__ = ["print_acl", "read_passwords"]


def print_acl(role: str, passwords: Path | None) -> int:
    """Print the ACL file of a broker's role; returns 0. Without passwords it has placeholders for their hashes, which
    every broker refuses.

    Raises:
        ConfigurationError: there is no such role, or ``passwords`` is no folder of passwords.
    """
    roles = {str(known): known for known in get_args(Role)}
    if role not in roles:
        raise ConfigurationError(f"the roles are {' and '.join(roles)}, not {role}")
    if passwords is None:
        hashes = {user: f"<sha256 of {user}'s password>" for user in get_args(User)}
    else:
        hashes = {user: password_hash(password) for user, password in read_passwords(passwords).items()}
    print(acl_file(roles[role], hashes), end="")
    return 0


def read_passwords(folder: Path) -> dict[User, str]:
    """Read the passwords in ``folder``: one file for each user, named like the user, with the password as its one line.
    A user without a file is left out.

    Raises:
        ConfigurationError: there is no such file, or one is empty or has several lines.
    """
    try:
        files = {user: folder / user for user in get_args(User) if (folder / user).is_file()}
        passwords = {user: path.read_text().strip("\r\n") for user, path in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--passwords: a file in {folder} cannot be read") from error
    if not passwords or not all(len(password.splitlines()) == 1 for password in passwords.values()):
        needed = f"{folder} must have a file of one line, the password, for each user"
        raise ConfigurationError(f"--passwords: {needed}: {', '.join(get_args(User))}")
    return passwords
