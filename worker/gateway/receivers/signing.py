"""Whether a delivery was sent by somebody who knows one of the keys; before it is read. Pure.

Called by `worker.gateway.receivers.receiving` for each trigger of a receiver.
"""

import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from workflows.model.trigger import Algorithm, Proof, Receiver

SIGNATURE = "x-signature"
AUTHORIZATION = "authorization"
_SIGNATURE = re.compile(r"(sha[0-9]{3})=([0-9a-f]{40,128})")
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


def proven(
    receiver: Receiver, keys: Sequence[bytes], headers: Mapping[str, str], body: bytes
) -> bool:
    """Whether the headers prove one of the keys; every key is tried, in constant time each."""
    if receiver.proof is Proof.BEARER:
        return _bears(headers.get(AUTHORIZATION, ""), keys)
    return is_signed(headers.get(SIGNATURE, ""), keys, body, receiver.algorithms)


def is_signed(
    signature: str, keys: Iterable[bytes], body: bytes, algorithms: Collection[Algorithm]
) -> bool:
    """Whether `<algorithm>=<lowercase hex>` is an HMAC of exactly these bytes by one of the keys.

    An algorithm that is not allowed is no signature, however right it may be.
    """
    found = _SIGNATURE.fullmatch(signature)
    if found is None or found[1] not in set(algorithms):
        return False
    given = found[2].encode()
    made = [hmac.new(key, body, found[1]).hexdigest().encode() for key in keys]
    return sum(hmac.compare_digest(given, each) for each in made) > 0


def sign(key: bytes, body: bytes, algorithm: Algorithm = Algorithm.SHA256) -> str:
    """The value of `X-Signature`, as Flux's `generic-hmac` provider makes it."""
    return f"{algorithm}={hmac.new(key, body, algorithm.value).hexdigest()}"


def keys_of(receiver: Receiver, secret: Mapping[str, bytes]) -> tuple[bytes, ...]:
    """The keys that a secret holds for a receiver; those that are not there are passed over.

    Flux takes the bytes as they are, a newline at the end too; who wrote a file by hand did not
    mean that newline. So both are the key.
    """
    written = [secret[name] for name in receiver.keys if name in secret]
    both = (each for key in written for each in (key, key.removesuffix(b"\n")))
    return tuple(dict.fromkeys(key for key in both if key.strip()))


def _bears(authorization: str, keys: Iterable[bytes]) -> bool:
    found = _BEARER.fullmatch(authorization.strip())
    given = found[1].encode() if found else b""
    return sum(hmac.compare_digest(given, key.strip()) for key in keys) > 0
