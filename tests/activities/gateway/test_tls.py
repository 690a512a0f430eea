"""TLS by files, and new files without a moment in which nobody listens."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.activities.gateway.certificates import write_certificate
from tests.activities.gateway.scene import Running, Scene
from tests.integration.patience import eventually
from worker.gateway import tls
from worker.settings import SettingsError


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    pair = (tmp_path / "tls.crt", tmp_path / "tls.key")
    write_certificate(*pair, "first")
    return pair


def secured(scene: Scene, files: tuple[Path, Path]) -> Scene:
    return scene.given(tls_certificate=files[0], tls_key=files[1])


def trust(files: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(files[0]))


async def served_now(running: Running) -> str:
    """The name in the certificate that a new connection gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=context)
    try:
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        subject = x509.load_der_x509_certificate(found).subject
        return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    finally:
        writer.close()
        await writer.wait_closed()


async def test_a_changed_certificate_is_served_and_no_connection_is_lost(
    scene: Scene, files: tuple[Path, Path]
) -> None:
    async with secured(scene, files).running() as running:
        async with httpx.AsyncClient(
            base_url=running.url, verify=trust(files), trust_env=False
        ) as before:
            assert (await before.get("/healthz")).status_code == 200
            assert await served_now(running) == "first"
            write_certificate(*files, "second")
            seen: list[str] = []

            async def is_second() -> bool:
                # A refused connection would raise here.
                seen.append(await served_now(running))
                return seen[-1] == "second"

            await eventually(is_second, "the second certificate is served")
            assert set(seen) == {"first", "second"} or seen == ["second"]
            assert (await before.get("/healthz")).status_code == 200
        async with httpx.AsyncClient(verify=trust(files), trust_env=False) as after:
            assert (await after.get(f"{running.url}/healthz")).status_code == 200


async def test_files_that_do_not_fit_are_passed_over_until_they_do(
    scene: Scene, files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = (tmp_path / "other.crt", tmp_path / "other.key")
    write_certificate(*other, "other")
    async with secured(scene, files).running() as running:
        files[1].write_bytes(other[1].read_bytes())
        await asyncio.to_thread(read_once, running)
        assert await served_now(running) == "first"
        files[0].write_bytes(other[0].read_bytes())

        async def is_other() -> bool:
            return await served_now(running) == "other"

        await eventually(is_other, "the pair that fits is served")


def read_once(running: Running) -> None:
    """Files that do not fit are refused, whoever reads them."""
    gateway = running.context.gateway
    assert gateway.tls_certificate is not None
    assert gateway.tls_key is not None
    with pytest.raises(SettingsError, match="no certificate and its key"):
        tls.Pair(gateway.tls_certificate, gateway.tls_key).context()


async def test_half_of_the_files_is_refused_at_the_start(
    scene: Scene, files: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="set both or neither"):
        scene.given(tls_certificate=files[0])
    with pytest.raises(SettingsError, match=r"absent\.key"):
        async with secured(scene, (files[0], tmp_path / "absent.key")).running():
            pass
