"""The word of a revision's session affinity: routers send it, a Canary's status shows it. Pure."""

from hashlib import sha256


def cookie_of(uid: str, revision: str) -> str:
    """The same each time for one Canary and one revision, so that any worker says the same."""
    return sha256(f"{uid}/{revision}".encode()).hexdigest()[:16]
