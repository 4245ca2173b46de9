"""One-time codes in the events role: `contracts.rules.sign_in` says what they are."""

from __future__ import annotations

from typing import Any

from contracts.broker import keys
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.rules.errors import UnreadableValue
from contracts.rules.sign_in import CODE_LIFE_S, code_id, open_token, seal_token

__all__ = ["offer_code", "take_code"]


def offer_code(broker: Broker, code: str, secret: bytes) -> None:
    """Make a code valid, for a token with these random bytes.

    Raises:
        BrokerUnavailable: the events broker did not answer.
    """
    name = code_id(code)
    assert name is not None
    with broker_errors("events"):
        broker.set(keys.sign_in_code(name), seal_token(secret, code), ex=CODE_LIFE_S)


async def take_code(broker: AsyncBroker, code: str) -> str | None:
    """Use a code up, and return its token; None if it is wrong, used or too old. Of several callers at once one gets
    it. If the broker's answer is lost, the code is used up and the token is lost.

    Raises:
        BrokerUnavailable: the events broker did not answer.
    """
    name = code_id(code)
    if name is None:
        return None
    try:
        with broker_errors("events"):
            sealed: Any = await broker.getdel(keys.sign_in_code(name))
    except UnreadableValue:  # no value that a process of this system writes
        return None
    return open_token(sealed, code) if isinstance(sealed, bytes) else None
