"""How sending fails, and how mail is handed to its server; used by `activities.alerts.engine`."""

import time
from datetime import timedelta

import aiosmtplib

from activities.alerts.message import Mail
from activities.hooking.retries import asked_pause
from workflows.errors import Reason, failure
from workflows.model.alert import AlertRoute

_START_TLS = {"at-once": False, "required": True, "offered": None, "never": False}


def unreachable(route: AlertRoute, why: str, pause: timedelta | None = None) -> Exception:
    """It may pass."""
    message = f"alert {route.name!r}: {route.kind} is not reached or busy: {why}"
    return failure(Reason.RECEIVER_DOWN, message, retryable=True, retry_after=pause)


def refused(route: AlertRoute, why: str) -> Exception:
    """The receiver will not have it, however often it is tried."""
    message = f"alert {route.name!r}: {route.kind} refused it: {why}; check address and secret"
    return failure(Reason.ALERT_REFUSED, message, retryable=False)


def asked_to_wait(retry_after: str | None) -> timedelta | None:
    """What a Retry-After header asks for."""
    seconds = asked_pause(retry_after, time.time())
    return None if seconds is None else timedelta(seconds=seconds)


async def deliver(route: AlertRoute, mail: Mail, *, within: float) -> None:
    """Hand a message to its server; 4yz answers may pass, 5yz do not."""
    try:
        await aiosmtplib.send(
            mail.message,
            hostname=mail.host,
            port=mail.port,
            username=mail.user or None,
            password=mail.password or None,
            use_tls=mail.secure == "at-once",
            start_tls=_START_TLS[mail.secure],
            timeout=within,
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [each.code for each in error.recipients]
        raise _answered(route, min(codes), "no recipient was taken") from error
    except aiosmtplib.SMTPResponseException as error:
        raise _answered(route, error.code, error.message) from error
    except (aiosmtplib.SMTPNotSupported, ValueError) as error:
        raise refused(route, str(error)) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise unreachable(route, type(error).__name__) from error


def _answered(route: AlertRoute, code: int, said: str) -> Exception:
    words = f"answered {code}: {said[:300]}"
    return refused(route, words) if 500 <= code < 600 else unreachable(route, words)
