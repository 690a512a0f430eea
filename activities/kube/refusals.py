"""What an API server's refusal means, in the closed list of reasons; pure.

Called by `activities.kube.client` with everything that is not a success. Each text says what was
asked, of which object, and what to do.
"""

from datetime import timedelta

from activities.kube.objects import text_at
from activities.kube.transport import Answer
from workflows.errors import Reason, failure

ADMISSION = ("admission webhook", "ValidatingAdmissionPolicy", "denied the request")
LONGEST_WAIT = 60


def refusal(asked: str, answer: Answer) -> Exception:
    """`asked` is what was tried, as `apply Deployment shop/web`."""
    words = text_at(answer.data, "message") or answer.text.strip() or f"HTTP {answer.status}"
    match answer.status:
        case 403 if any(sign in words for sign in ADMISSION):
            return _rejected(asked, words)
        case 401 | 403:
            return _forbidden(asked, words)
        case 409:
            return conflict(asked, words)
        case 400 | 404 | 405 | 413 | 415 | 422:
            return _rejected(asked, words)
        case _:
            return _try_later(asked, words, answer)


def conflict(asked: str, words: str) -> Exception:
    message = f"cannot {asked}: it has changed in between ({words}); read it again"
    return failure(Reason.CONFLICT, message, retryable=True)


def unreachable(asked: str, words: str) -> Exception:
    message = (
        f"cannot {asked}: the API server does not answer ({words}); it is tried again, look at "
        "the server and the network"
    )
    return failure(Reason.CLUSTER_UNREACHABLE, message, retryable=True)


def not_installed(asked: str, api_version: str, kind: str) -> Exception:
    message = (
        f"cannot {asked}: this cluster has no {kind} of {api_version}; install its custom "
        "resource definition, or choose another provider"
    )
    return failure(Reason.KIND_NOT_INSTALLED, message, retryable=False)


def _forbidden(asked: str, words: str) -> Exception:
    # Retryable: a server that has just started denies what it has not read the rules for yet.
    message = f"may not {asked}: {words}; grant it to the account of Serinus, it is tried again"
    return failure(Reason.CLUSTER_FORBIDDEN, message, retryable=True)


def _rejected(asked: str, words: str) -> Exception:
    message = f"cannot {asked}: it is refused: {words}; mend what the object is made from"
    return failure(Reason.OBJECT_REJECTED, message, retryable=False)


def _try_later(asked: str, words: str, answer: Answer) -> Exception:
    message = f"cannot {asked} now: HTTP {answer.status}, {words}; it is tried again"
    wait = answer.retry_after
    after = timedelta(seconds=min(int(wait), LONGEST_WAIT)) if wait.isdecimal() else None
    return failure(Reason.CLUSTER_UNREACHABLE, message, retryable=True, retry_after=after)
