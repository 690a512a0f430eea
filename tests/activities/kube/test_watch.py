"""A watch over a server that never lets it be: it asks ever more slowly, and tells differences."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from activities.kube.api import Change, Listed, Seen
from activities.kube.objects import KubeObject, Ref, text_at
from activities.kube.watch import LONGEST_PAUSE, Scope, Watched, watched
from tests.fakes_kube import forbidden, unreachable
from workflows.errors import Reason, reason_of

SCOPE = Scope("v1", "ConfigMap", "shop")
ANY = Ref("v1", "ConfigMap", "one", "shop")


class EnoughError(Exception):
    """The test has seen enough."""


class Server:
    """Lists what it is given, one state a list; every watch ends as `end` says."""

    def __init__(self, states: Sequence[dict[str, int]], end: Exception | None = None) -> None:
        self.states = list(states)
        self.end = end
        self.pauses: list[float] = []
        self.lists = 0

    async def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
    ) -> Listed:
        self.lists += 1
        state = self.states[min(self.lists, len(self.states)) - 1]
        items = [_object(name, version) for name, version in state.items()]
        return Listed(items, str(self.lists))

    async def events(self, scope: Scope, resource_version: str) -> AsyncGenerator[Watched]:
        if self.end is not None:
            raise self.end
        yield Watched("ERROR", {"code": 410})

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.lists >= len(self.states) and len(self.pauses) >= 12:
            raise EnoughError


async def told_by(server: Server) -> list[Seen]:
    """Everything that was seen until the test had enough."""
    seen: list[Seen] = []
    try:
        async with aclosing(watched(server, SCOPE, server.pause)) as changes:
            async for each in changes:
                seen.append(each)  # noqa: PERF401  what was seen before the end counts
    except EnoughError:
        return seen
    raise AssertionError("a watch has no end")


def _object(name: str, version: int) -> KubeObject:
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", "uid": name,
                     "resourceVersion": str(version)},
    }  # fmt: skip


states = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 3), max_size=4)


@given(st.lists(states, min_size=1, max_size=5))
async def test_after_any_gaps_the_caller_knows_what_is_there(
    history: list[dict[str, int]]
) -> None:  # fmt: skip
    known: dict[str, int] = {}
    for seen in await told_by(Server(history)):
        name, version = (text_at(seen.obj, "metadata", key) for key in ("name", "resourceVersion"))
        match seen.change:
            case Change.ADDED:
                assert name not in known
                known[name] = int(version)
            case Change.MODIFIED:
                assert known[name] != int(version)
                known[name] = int(version)
            case Change.DELETED:
                del known[name]
            case Change.SYNCED:
                assert known == history[0]
    assert known == history[-1]


@pytest.mark.parametrize("end", [None, unreachable("watch", ANY), forbidden("watch", ANY)])
async def test_a_server_that_ends_every_watch_is_asked_ever_more_slowly(
    end: Exception | None,
) -> None:
    server = Server([{"a": 1}], end)
    seen = await told_by(server)

    assert [each.change for each in seen] == [Change.ADDED, Change.SYNCED]
    assert server.pauses[0] <= 0.2
    assert LONGEST_PAUSE / 2 <= server.pauses[-1] <= LONGEST_PAUSE


async def test_what_may_not_be_listed_is_an_error_from_the_beginning() -> None:
    class Closed(Server):
        async def list(
            self, api_version: str, kind: str, namespace: str | None = None, *, labels: str = ""
        ) -> Listed:
            raise forbidden("list", ANY)

    server = Closed([{}])
    async with aclosing(watched(server, SCOPE, server.pause)) as changes:
        with pytest.raises(ApplicationError) as refused:
            await anext(changes)
    assert reason_of(refused.value) is Reason.CLUSTER_FORBIDDEN
