"""``a3cp acl``: the access rules of a role's broker, to be loaded as they stand."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from contracts.broker.acl import User, acl_file, password_hash
from contracts.broker.roles import Role
from contracts.rules.errors import ConfigurationError

__all__ = ["print_acl", "read_passwords"]


def print_acl(role: str, passwords: Path | None) -> int:
    """Print the ACL file; without passwords with a word in the place of each, which no broker takes for a hash.

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
    """The passwords in ``folder``: each in a file that is named like its user, one line. Who has none is no user.

    Raises:
        ConfigurationError: there are none, or one is empty or of several lines.
    """
    try:
        files = {user: folder / user for user in get_args(User) if (folder / user).is_file()}
        passwords = {user: path.read_text().strip("\r\n") for user, path in files.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--passwords: a file in {folder} cannot be read") from error
    if not passwords or not all(len(password.splitlines()) == 1 for password in passwords.values()):
        needed = f"a file of one line, the password, for each user is needed in {folder}"
        raise ConfigurationError(f"--passwords: {needed}: {', '.join(get_args(User))}")
    return passwords
