"""What may be set for the gateway: variables that begin with SERINUS_GATEWAY__.

Read by `serinus gateway`, by `serinus token` and by the stack. Documented in docs/gateway.md.
"""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker.settings import SettingsError

PREFIX = "SERINUS_GATEWAY__"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def _listed(value: object) -> object:
    """`a, b` as two names."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]
Network = IPv4Network | IPv6Network
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_listed)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is no address of the web; write https://host")
    return text.rstrip("/")


WebAddress = Annotated[str, BeforeValidator(_web_address)]


class Part(BaseModel):
    """An object of the settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OidcSettings(Part):
    """One OpenID Connect provider; everything else about it comes from its metadata."""

    issuer: WebAddress
    client_id: str
    client_secret_file: Path | None = None
    """Without one the gateway is a public client, which PKCE alone protects."""
    title: str = "single sign-on"
    """What the button says."""
    scopes: Names = ("openid", "email", "profile")
    name_claim: str = "email"
    """Names the person in rollouts and roles. An `email` counts only if it is verified."""
    groups_claim: str = "groups"
    """A list or one name; dots reach into objects (`realm_access.roles`)."""
    clock_skew: Annotated[float, Field(ge=0, le=600)] = 60.0
    """Seconds by which the provider's clock may differ."""
    ca_file: Path | None = None
    """Certificates that the provider's is checked against; unset means the usual ones."""


class ProxySettings(Part):
    """A proxy in front of the gateway that has signed people in and says so in headers."""

    peers: Annotated[Networks, Field(min_length=1)]
    """Addresses the proxy connects from; from others its headers count for nothing."""
    user_header: str = "X-Forwarded-User"
    groups_header: str = "X-Forwarded-Groups"
    separator: str = ","


class SessionSettings(Part):
    """How long a sign-in in a browser lasts."""

    idle: Seconds = 3_600.0
    absolute: Seconds = 43_200.0


class LimitSettings(Part):
    """Requests a minute; a burst may use up a minute's worth at once."""

    person: Count = 1_200
    address: Count = 3_000
    sign_in: Count = 30
    """Attempts to sign in, and failed tokens, from one address."""


class SlackSettings(Part):
    """The Slack app whose buttons people press."""

    signing_secret_file: Path
    """The app's signing secret."""
    people_file: Path
    """A YAML file: Slack's user id to `{name, groups}` as the roles know them."""


class GatewaySettings(BaseSettings):
    """What a person may set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8800
    tls_certificate: Path | None = None
    """A PEM file: the certificate and its chain."""
    tls_key: Path | None = None
    public_url: WebAddress | None = None
    """How people reach it, if that is not `http(s)://host:port`."""
    hosts: Names = ()
    """Names in requests that are answered, beside that of `public_url` and this machine's own."""
    state: Path | None = None
    """A folder for sessions, tokens and keys; `gateway` in the home if unset."""
    session_key_file: Path | None = None
    """The key of cookies and forms, where several gateways share it; else in `state`."""
    token_file: Path | None = None
    """Where `serinus token` keeps the hashes of tokens; else in `state`."""
    roles: Path | None = None
    """A YAML file of bindings; unset means that on the local platform links make admins."""
    one_time_links: bool | None = None
    """Whether `serinus login` may make links; unset means on the local platform only."""
    oidc: OidcSettings | None = None
    proxy: ProxySettings | None = None
    slack: SlackSettings | None = None
    session: SessionSettings = SessionSettings()
    limits: LimitSettings = LimitSettings()
    body_limit: Count = 1_000_000
    """Bytes of a request; what comes to /hooks may be larger."""
    hook_body_limit: Count = 3 * 1024 * 1024

    @model_validator(mode="after")
    def _tls_is_whole(self) -> "GatewaySettings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key: set both or neither")
        return self

    @property
    def has_tls(self) -> bool:
        return self.tls_certificate is not None

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it over TLS, here or at a proxy in front."""
        return self.has_tls or (self.public_url or "").startswith("https:")


def load_gateway() -> GatewaySettings:
    """Read the environment."""
    try:
        return GatewaySettings()
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{'__'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
            for problem in error.errors()
        )
        raise SettingsError(problems) from error
