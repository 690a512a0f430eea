"""The gateway's certificate: read again when its files change, without a moment of not listening.

Connections that are open go on; new ones get the new certificate. Files that do not fit each
other are passed over until they do.
"""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from worker.settings import SettingsError

LOOK_EVERY = 1.0
"""Seconds between two looks at the files."""
log = logging.getLogger(__name__)
Mark = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain, and its key; both PEM."""

    certificate: Path
    key: Path

    def mark(self) -> Mark:
        """Something else when either file has changed."""
        stats = (self.certificate.stat(), self.key.stat())
        return tuple((stat.st_mtime_ns, stat.st_size, stat.st_ino) for stat in stats)

    def context(self) -> ssl.SSLContext:
        """A new context; SettingsError if the files do not fit."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.load_into(context)
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let the context serve this pair from now on."""
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"{self.certificate} and {self.key} are no certificate and its key: {error}"
            ) from error


async def follow(pair: Pair, context: ssl.SSLContext, first: Mark) -> None:
    """Keep a context at what the files say; ends when cancelled."""
    known = first
    while True:
        await asyncio.sleep(LOOK_EVERY)
        known = await asyncio.to_thread(_newest, pair, context, known)


def _newest(pair: Pair, context: ssl.SSLContext, known: Mark) -> Mark:
    try:
        mark = pair.mark()
        if mark == known:
            return known
        # Tried elsewhere first: half of a pair must never reach the one that serves.
        pair.context()
        pair.load_into(context)
    except (OSError, SettingsError) as error:
        log.warning("the certificate is not changed yet: %s", error)
        return known
    log.info("the certificate was read again from %s", pair.certificate)
    return mark
