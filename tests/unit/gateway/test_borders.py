"""The small decisions at the gateway's border: addresses, names, ways on, settings, keys."""

from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from worker.gateway.guarding import known_hosts
from worker.gateway.keys import key_in
from worker.gateway.peers import within
from worker.gateway.settings import GatewaySettings, load_gateway
from worker.gateway.sign_in.routing import OVERVIEW, inside
from worker.settings import SettingsError
from worker.stack import ports


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("::1", False),
        ("", False),
        ("testclient", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(address: str, inside: bool) -> None:
    assert within(address, [ip_network("10.0.0.0/8")]) is inside


@given(st.text())
def test_nobody_is_sent_away_from_this_gateway(wanted: str) -> None:
    on = inside(wanted)
    assert on.startswith("/")
    assert not on.startswith(("//", "/\\", "/sign-in"))
    assert "\n" not in on
    assert "\r" not in on


def test_a_path_is_gone_on_to_as_it_is() -> None:
    assert inside("/rollouts/shop?x=1&y=2") == "/rollouts/shop?x=1&y=2"
    assert inside(None) == inside("https://evil.example") == inside("//evil") == OVERVIEW


def test_the_public_name_and_those_set_are_answered() -> None:
    settings = GatewaySettings(public_url="https://serinus.example:8443", hosts=("gateway.svc",))
    assert {"serinus.example", "gateway.svc", "localhost", "127.0.0.1"} <= known_hosts(settings)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "9000",
        "HOSTS": "a.example, b.example",
        "OIDC__ISSUER": "https://id.example/",
        "OIDC__CLIENT_ID": "serinus",
        "PROXY__PEERS": "10.0.0.0/8, ::1/128",
        "SESSION__IDLE": "60",
    }.items():
        monkeypatch.setenv(f"SERINUS_GATEWAY__{name}", value)
    settings = load_gateway()
    assert settings.port == 9_000
    assert settings.hosts == ("a.example", "b.example")
    assert settings.oidc is not None
    assert settings.oidc.issuer == "https://id.example"
    assert settings.proxy is not None
    assert [str(peer) for peer in settings.proxy.peers] == ["10.0.0.0/8", "::1/128"]
    assert settings.session.idle == 60


def test_a_wrong_setting_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_GATEWAY__OIDC__ISSUER", "id.example")
    monkeypatch.setenv("SERINUS_GATEWAY__OIDC__CLIENT_ID", "serinus")
    with pytest.raises(SettingsError, match="SERINUS_GATEWAY__OIDC__ISSUER: "):
        load_gateway()


def test_a_proxy_without_peers_is_refused() -> None:
    with pytest.raises(ValidationError, match="peers"):
        GatewaySettings.model_validate({"proxy": {"peers": []}})


def test_whoever_comes_first_makes_the_key_and_all_agree(tmp_path: Path) -> None:
    path = tmp_path / "gateway" / "seal.key"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(key_in, [path] * 64))
    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["seal.key"]


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("short", encoding="utf-8")
    with pytest.raises(SettingsError, match="has 5 bytes, a key needs 32"):
        key_in(path)


def test_the_ports_of_an_earlier_release_are_kept_and_the_new_one_is_added(tmp_path: Path) -> None:
    old = ports.Ports(temporal=17_001, users=17_002).model_dump_json(exclude={"gateway"})
    ports.path_of(tmp_path).write_text(old, encoding="utf-8")
    known = ports.claim(tmp_path, usual=False)
    assert (known.temporal, known.users) == (17_001, 17_002)
    assert known.gateway in ports.FREE_RANGE
    assert ports.claim(tmp_path, usual=False) == ports.read(tmp_path) == known
