"""How people of this machine reach the gateway, and the link that signs them in.

Used by `serinus up`, `login` and the demo.
"""

from worker.gateway.doors import LINKS
from worker.gateway.one_time import Links
from worker.gateway.opening import state_of
from worker.gateway.settings import GatewaySettings
from worker.settings import Settings, SettingsError
from worker.stack import ports


def address_of(settings: Settings, gateway: GatewaySettings) -> str:
    """As set, else that of the stack of this home, else that of `serinus gateway`."""
    said = gateway.public_url or settings.url
    if said:
        return said.rstrip("/")
    known = ports.read(settings.home)
    if known is not None:
        return known.gateway_url
    return f"{'https' if gateway.has_tls else 'http'}://127.0.0.1:{gateway.port}"


def one_time_link(settings: Settings, gateway: GatewaySettings, name: str, now: float) -> str:
    """A link that signs `name` in as admin. Blocking."""
    if gateway.one_time_links is False or (
        gateway.one_time_links is None and settings.platform != "local"
    ):
        raise SettingsError("SERINUS_GATEWAY__ONE_TIME_LINKS: one-time links are switched off here")
    path = Links(state_of(settings, gateway) / LINKS).make(name, now)
    return address_of(settings, gateway) + path
