"""How a fuzz test runs: many mutants in one process, each within limits of time and memory.

A mutant passes if the code under test gives a good result or raises UserError. Any other exception, more than five
seconds of computing, and more than three gigabytes fail the test, and hypothesis shows the smallest mutant it finds.

The mutants are the same in every run. `pytest tests/fuzz --hypothesis-seed=7` tries others.
"""

import inspect
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from boxwright.core.errors import UserError

MANY, FEW = 10_000, 100
LONGEST_S, LONGEST_WAIT_S = 5.0, 60.0
LONGEST_TEXT = 40_000
MOST_BYTES = 3 << 30


class HungError(BaseException):
    """A mutant took too long. No `except Exception` of the code under test may swallow it."""


def fuzz(mutants: SearchStrategy) -> Callable[[Callable], Callable]:
    """Makes a test of a function that checks one mutant: with a hundred of them, and (slow) with ten thousand.

    The function's further parameters are fixtures.
    """

    def decorate(check: Callable) -> Callable:
        names = list(inspect.signature(check).parameters)[1:]

        @pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
        def test(count: int, request: pytest.FixtureRequest) -> None:
            fixtures = [request.getfixturevalue(name) for name in names]
            done = 0

            def one(mutant: Any) -> None:
                nonlocal done
                with limits():
                    check(mutant, *fixtures)
                done += 1

            run = given(mutants)(one)
            if request.config.getoption("--hypothesis-seed") is None:
                run = seed(0)(run)
            with bounded_memory():
                _settings(count)(run)()
            assert done >= count, f"only {done} mutants were tried"

        test.__doc__ = check.__doc__
        return test

    return decorate


def _settings(count: int) -> settings:
    phases = [Phase.generate, Phase.shrink]
    return settings(
        max_examples=count, database=None, deadline=None, phases=phases, suppress_health_check=list(HealthCheck)
    )


def told(action: Callable, *arguments: Any, **named: Any) -> Any:
    """What `action` gives, or the UserError that it raises. The error's text must be fit to be shown."""
    try:
        return action(*arguments, **named)
    except UserError as error:
        text = str(error)
        assert text.strip(), "an error without a text"
        text.encode()  # a log takes UTF-8
        assert len(text) < LONGEST_TEXT, f"an error of {len(text)} characters"
        return error


@contextmanager
def limits() -> Iterator[None]:
    """At most five seconds of computing for the block, and a minute in all: a busy machine is no mistake, a wait is."""
    start = time.process_time()
    timers = {signal.SIGPROF: (signal.ITIMER_PROF, LONGEST_S), signal.SIGALRM: (signal.ITIMER_REAL, LONGEST_WAIT_S)}
    before = {number: signal.signal(number, _hung) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, _ in timers.values():
            signal.setitimer(timer, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    if (took := time.process_time() - start) > LONGEST_S:  # in native code, which no signal interrupts
        raise HungError(f"{took:.1f} s")


def _hung(_: int, frame: FrameType | None) -> None:
    raise HungError("it took too long")


@contextmanager
def bounded_memory() -> Iterator[None]:
    """At most three gigabytes more than now for the block; a MemoryError shows where it needs more. On Linux alone."""
    if sys.platform != "linux":
        yield
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        size = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
