"""Sends alerts: the one place where a channel's message meets the network.

Called by the `Announcer`, again and again until it is taken. A request is never repeated here: its
retries are Temporal's. What may pass is retryable, a refusal is not; no text carries an address,
for it may be as good as a password.
"""

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import quote

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.alerts.message import Address, Mail, Post, unusable
from activities.alerts.registry import CHANNELS
from activities.alerts.sending import asked_to_wait, deliver, refused, unreachable
from activities.alerts.slack import slack_trouble
from workflows.contracts import Alerting
from workflows.errors import failure, reason_of
from workflows.model.alert import Alert, AlertRoute, Channel
from workflows.model.alert_spec import HTTP, MAIL, address_problem
from workflows.model.announcement import LookAtRun, RunSeen, SendAlert
from workflows.model.identity import Slot

ATTEMPT = 30.0
"""Seconds for one request; `policies.SEND_TIMEOUT` is a little longer."""
SAID = 300
"""Characters of a receiver's own words."""
LONGEST_PAUSE = timedelta(minutes=30)
"""A receiver that asks for a longer pause is asked earlier."""

Secrets = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Reads a secret by namespace and name; fails with an ApplicationError (`SecretMissing`)."""
Look = Callable[[LookAtRun], Awaitable[RunSeen]]


class AlertEngine(Alerting):
    """One for a worker; `page` is the address of the gateway, empty if there is none."""

    def __init__(
        self, http: httpx.AsyncClient, secrets: Secrets, look: Look, page: str = ""
    ) -> None:
        self._http = http
        self._secrets = secrets
        self._look = look
        self._page = page.rstrip("/")

    @activity.defn(name="alerts.send")
    async def send(self, request: SendAlert) -> None:
        """Make it, send it once; `ReceiverDown` is tried again, `AlertRefused` is not."""
        route = request.route
        if route.problem:
            raise unusable(route, route.problem)
        alert = request.alert.model_copy(update={"link": self._link(request.alert.slot)})
        outgoing = CHANNELS[route.kind](alert, route, await self._address(route))
        match outgoing:
            case Post():
                await self._post(alert, route, outgoing)
            case Mail():
                await deliver(route, outgoing, within=ATTEMPT)
            case None:
                return

    @activity.defn(name="alerts.look")
    async def look(self, request: LookAtRun) -> RunSeen:
        """Look at the run that is announced."""
        return await self._look(request)

    def _link(self, slot: Slot) -> str:
        if not self._page:
            return ""
        return f"{self._page}/rollouts/{slot.cluster}/{slot.namespace}/{slot.name}"

    async def _address(self, route: AlertRoute) -> Address:
        """The address of the secret wins."""
        secret = await self._secret(route)
        url = secret.get("address") or route.address
        if not url and route.kind is Channel.PAGERDUTY:
            return Address("", secret.get("token", ""))
        if not url:
            raise unusable(route, "there is no address, nor an `address` in its secret")
        schemes = MAIL if route.kind is Channel.EMAIL else HTTP
        if (problem := address_problem(url, schemes)) is not None:
            raise unusable(route, f"its address {problem}")
        return Address(url, secret.get("token", ""))

    async def _secret(self, route: AlertRoute) -> Mapping[str, str]:
        if route.secret is None:
            return {}
        try:
            return await self._secrets(route.secret.namespace, route.secret.name)
        except ApplicationError as error:
            # A secret that comes later is as good: whoever makes it need not send anything again.
            why = f"alert {route.name!r}: {error.message}"
            raise failure(reason_of(error), why, retryable=True) from error

    async def _post(self, alert: Alert, route: AlertRoute, post: Post) -> None:
        key = quote(f"{alert.key}{'/resolved' if alert.resolved else ''}", safe="")
        headers = {"Content-Type": "application/json", "Idempotency-Key": key, **post.headers}
        try:
            async with self._client(route) as client:
                response = await client.post(post.url, content=post.content, headers=headers)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            raise unusable(route, f"its address is none: {type(error).__name__}") from error
        except (httpx.HTTPError, ssl.SSLError) as error:
            raise unreachable(route, type(error).__name__) from error
        self._check(route, response)

    def _check(self, route: AlertRoute, response: httpx.Response) -> None:
        """2xx is taken; what may pass is said to be so by its status, as for hooks."""
        status = response.status_code
        if response.is_success:
            if route.kind is Channel.SLACK and (trouble := slack_trouble(response.text)):
                raise refused(route, f"said {trouble}")
            return
        said = f"answered {status}: {response.text[:SAID].strip()}".rstrip(": ")
        if status in (408, 425, 429) or status >= 500:
            pause = asked_to_wait(response.headers.get("retry-after"))
            raise unreachable(route, said, min(pause, LONGEST_PAUSE) if pause else None)
        raise refused(route, said)

    @asynccontextmanager
    async def _client(self, route: AlertRoute) -> AsyncGenerator[httpx.AsyncClient]:
        """The shared client, or one of its own for a route with a proxy."""
        if not route.proxy:
            yield self._http
            return
        async with httpx.AsyncClient(proxy=route.proxy, timeout=ATTEMPT) as client:
            yield client


@asynccontextmanager
async def open_alert_client() -> AsyncGenerator[httpx.AsyncClient]:
    """The HTTP client of a worker's alerts; receivers are many, and none is called often."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(limits=limits, timeout=ATTEMPT) as client:
        yield client
