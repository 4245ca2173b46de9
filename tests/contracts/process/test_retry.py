"""`contracts.process.retry`: which errors are retried, after which pauses, and for how long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from contracts.broker.roles import BrokerForbids
from contracts.process import retry as module
from contracts.process.retry import (
    ANSWERED,
    ONCE,
    Stopped,
    Until,
    backoff_s,
    repeat,
    repeat_sync,
    retry,
    retry_sync,
    unless_stopped,
)
from contracts.rules.errors import (
    ArtifactStoreError,
    BrokerFull,
    BrokerMisconfigured,
    BrokerSlow,
    BrokerUnavailable,
    UnreadableValue,
)

CUT = BrokerUnavailable("events", "cut")
FULL = BrokerFull("events", "full")
SLOW = BrokerSlow("events", "slow")
STORE = ArtifactStoreError("away")
FINAL = [
    BrokerForbids("events", "wrong password", "another one"),
    BrokerMisconfigured("events", "a replica", "its master"),
    UnreadableValue("events", "a key", "a list"),
    STORE,
    TimeoutError(),
    ValueError(),
]


def test_pauses_double_up_to_five_seconds() -> None:
    assert [backoff_s(attempt) for attempt in (0, 1, 2, 5, 6, 7, 1000)] == [0.1, 0.2, 0.4, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("until", "error", "attempt", "elapsed_s", "delay_s"),
    [
        (ONCE, CUT, 0, 0.0, 0.0),
        (ONCE, CUT, 1, 0.0, None),
        (ONCE, FULL, 0, 0.0, None),
        (ONCE, SLOW, 0, 0.0, None),
        (ANSWERED, CUT, 0, 0.0, 0.1),
        (ANSWERED, FULL, 3, 0.0, 0.8),
        (ANSWERED, SLOW, 1000, 1e6, 5.0),
        (Until(attempts=2, pauses=False), FULL, 0, 0.0, 0.0),
        (Until(attempts=2, pauses=False), FULL, 1, 0.0, None),
        (Until(within_s=5.0), CUT, 0, 4.89, 0.1),
        (Until(within_s=5.0), CUT, 0, 4.91, None),  # the next attempt would begin after the 5 s
        (Until(failing_s=5.0), CUT, 0, 4.99, 0.1),
        (Until(failing_s=5.0), CUT, 0, 5.0, None),
        (Until(ArtifactStoreError), STORE, 1, 0.0, 0.2),
        (Until(ArtifactStoreError), CUT, 0, 0.0, None),
        *[(until, error, 0, 0.0, None) for until in (ONCE, ANSWERED, Until(within_s=5.0)) for error in FINAL[:3]],
        *[(ANSWERED, error, 0, 0.0, None) for error in FINAL[3:]],
    ],
)
def test_what_is_retried_and_after_which_pause(
    until: Until, error: Exception, attempt: int, elapsed_s: float, delay_s: float | None
) -> None:
    assert until.delay_s(error, attempt, elapsed_s) == delay_s


class Step:
    """Raises its errors one after the other, then returns the number of its runs."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.ran = 0

    def sync(self) -> int:
        self.ran += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.ran

    async def run(self) -> int:
        return self.sync()


def run_async(step: Step, until: Until, on_retry: Callable[[Exception, float], object] | None = None) -> int:
    return asyncio.run(retry(step.run, until=until, on_retry=on_retry))


def run_sync(step: Step, until: Until, on_retry: Callable[[Exception, float], object] | None = None) -> int:
    return retry_sync(step.sync, until=until, on_retry=on_retry)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "backoff_s", lambda attempt: 0.001 * (attempt + 1))


@pytest.mark.usefixtures("short_pauses")
@pytest.mark.parametrize("run", [run_async, run_sync])
@pytest.mark.parametrize(
    ("until", "errors", "ran", "raised"),
    [
        (ONCE, [], 1, None),
        (ONCE, [CUT], 2, None),
        (ONCE, [CUT, CUT], 2, CUT),
        (ONCE, [FULL], 1, FULL),
        (ONCE, [SLOW], 1, SLOW),
        (ANSWERED, [CUT, FULL, SLOW, CUT], 5, None),
        (ANSWERED, [CUT, FINAL[0]], 2, FINAL[0]),
        (Until(within_s=0.0), [CUT], 1, CUT),
        (Until(failing_s=0.0), [CUT], 1, CUT),
    ],
)
def test_a_step_runs_as_often_as_its_rule_says(
    run: Callable[..., int], until: Until, errors: list[Exception], ran: int, raised: Exception | None
) -> None:
    step = Step(*errors)
    told: list[tuple[Exception, float]] = []
    try:
        assert run(step, until, lambda error, delay_s: told.append((error, delay_s))) == ran
    except Exception as error:
        assert error is raised
    else:
        assert raised is None
    assert step.ran == ran
    pauses = [0.001 * (attempt + 1) if until.pauses else 0.0 for attempt in range(ran - 1)]
    assert told == list(zip(errors, pauses, strict=False))


def test_an_attempt_is_cancelled_when_the_time_is_over() -> None:
    with pytest.raises(TimeoutError):
        asyncio.run(retry(lambda: asyncio.sleep(60), until=Until(within_s=0.01)))


@pytest.mark.usefixtures("short_pauses")
def test_a_blocking_step_that_fails_after_the_stop_is_not_retried() -> None:
    stop = threading.Event()
    step = Step(CUT, CUT)
    with pytest.raises(Stopped) as stopped:
        retry_sync(step.sync, until=ANSWERED, stop=stop, on_retry=lambda *_: stop.set())
    assert (step.ran, stopped.value.__cause__) == (2, CUT)
    with pytest.raises(ValueError):
        retry_sync(Step(ValueError()).sync, until=ANSWERED, stop=stop)


async def test_a_step_is_cancelled_when_the_stop_comes_first() -> None:
    stop = asyncio.Event()
    assert await unless_stopped(Step().run(), stop) == 1
    with pytest.raises(ValueError):
        await unless_stopped(Step(ValueError()).run(), stop)
    asyncio.get_running_loop().call_soon(stop.set)
    with pytest.raises(Stopped):
        await unless_stopped(asyncio.sleep(60), stop)


class Loop:
    """A step that fails, fails, succeeds, fails, and then sets its stop. ``told`` are the pauses after its errors."""

    def __init__(self, stop: asyncio.Event | threading.Event) -> None:
        self.stop = stop
        self.turns = iter([CUT, ValueError(), None, CUT])
        self.told: list[float] = []

    def turn(self) -> None:
        error = next(self.turns, self)
        if error is self:
            self.stop.set()
        elif isinstance(error, Exception):
            raise error

    async def turn_async(self) -> None:
        self.turn()

    def failed(self, _error: Exception, delay_s: float) -> None:
        self.told.append(delay_s)


@pytest.mark.usefixtures("short_pauses")
def test_a_loop_goes_on_after_every_error_and_success_resets_its_backoff() -> None:
    async def main() -> list[float]:
        stop = asyncio.Event()
        loop = Loop(stop)
        await repeat(loop.turn_async, loop.failed, stop=stop)
        return loop.told

    assert asyncio.run(main()) == [0.001, 0.002, 0.001]
    stop = threading.Event()
    loop = Loop(stop)
    repeat_sync(loop.turn, loop.failed, stop=stop, longest_pause_s=0.0015)
    assert loop.told == [0.001, 0.0015, 0.001]


def test_a_loop_ends_with_what_its_report_raises() -> None:
    def failed(error: Exception, _delay_s: float) -> None:
        raise error

    async def main() -> None:
        await repeat(Step(FINAL[0]).run, failed)

    with pytest.raises(BrokerForbids):
        asyncio.run(main())
    with pytest.raises(BrokerForbids):
        repeat_sync(Step(FINAL[0]).sync, failed, stop=threading.Event())
