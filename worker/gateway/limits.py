"""How often somebody may ask: each person, each address, and far less often to sign in.

Counted in this process; of several gateways each counts for itself.
"""

import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from starlette.requests import HTTPConnection

from worker.gateway import problems
from worker.gateway.peers import address
from worker.gateway.problems import Problem
from worker.gateway.settings import LimitSettings

_SIGN_IN = "sign-in"


class Limits:
    """The counters of one gateway."""

    def __init__(self, settings: LimitSettings) -> None:
        storage = MemoryStorage()
        self._many: RateLimiter = SlidingWindowCounterRateLimiter(storage)
        self._few: RateLimiter = MovingWindowRateLimiter(storage)
        self._address = RateLimitItemPerMinute(settings.address)
        self._person = RateLimitItemPerMinute(settings.person)
        self._sign_in = RateLimitItemPerMinute(settings.sign_in)

    def count_request(self, request: HTTPConnection) -> None:
        """`Problem` 429 if this address asks too often."""
        _count(self._many, self._address, "address", address(request))

    def count_person(self, name: str) -> None:
        """`Problem` 429 if this person asks too often, from wherever."""
        _count(self._many, self._person, "person", name)

    def check_attempts(self, request: HTTPConnection) -> None:
        """`Problem` 429 if this address has failed to sign in too often; asked before it tries."""
        who = address(request)
        if not self._few.test(self._sign_in, _SIGN_IN, who):
            raise _too_many(self._few, self._sign_in, _SIGN_IN, who)

    def count_attempt(self, request: HTTPConnection) -> None:
        """Count one that failed, or that costs somebody else work; `Problem` 429 as above."""
        _count(self._few, self._sign_in, _SIGN_IN, address(request))


def _count(limiter: RateLimiter, item: RateLimitItem, kind: str, who: str) -> None:
    if not limiter.hit(item, kind, who):
        raise _too_many(limiter, item, kind, who)


def _too_many(limiter: RateLimiter, item: RateLimitItem, kind: str, who: str) -> Problem:
    reset = limiter.get_window_stats(item, kind, who).reset_time
    return problems.too_many(reset - time.time())
