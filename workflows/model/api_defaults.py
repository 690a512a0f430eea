"""What a Kubernetes API server fills in by itself, up to v1.37, and how to leave it out again.

Used by `workflows.model.revision`: a manifest and the same object read back from a server must
have one meaning. A default that is not in this table shows up as part of the revision only where
field ownership (`workflows.model.owned_fields`) cannot tell it apart.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

_PROBE: Mapping[str, JsonValue] = {
    "initialDelaySeconds": 0,
    "timeoutSeconds": 1,
    "periodSeconds": 10,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_CONTAINER: Mapping[str, JsonValue] = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "stdin": False,
    "stdinOnce": False,
    "tty": False,
}
_MODE: Mapping[str, JsonValue] = {"defaultMode": 420, "optional": False}
_OPTIONAL: Mapping[str, JsonValue] = {"optional": False}
DEFAULTS: Mapping[str, Mapping[str, JsonValue]] = {
    "spec": {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "volumeMode": "Filesystem",
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "externalTrafficPolicy": "Cluster",
        "ipFamilyPolicy": "SingleStack",
        "allocateLoadBalancerNodePorts": True,
        "publishNotReadyAddresses": False,
    },
    "containers": _CONTAINER,
    "initContainers": _CONTAINER,
    "ports": {"protocol": "TCP", "hostPort": 0},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "startupProbe": _PROBE,
    "httpGet": {"scheme": "HTTP", "path": "/"},
    "fieldRef": {"apiVersion": "v1"},
    "resourceFieldRef": {"divisor": "0"},
    "securityContext": {"procMount": "Default"},
    "volumeMounts": {"readOnly": False},
    "persistentVolumeClaim": {"readOnly": False},
    "secret": _MODE,
    "configMap": _MODE,
    "projected": _MODE,
    "downwardAPI": _MODE,
    "serviceAccountToken": {"expirationSeconds": 3600},
    "configMapKeyRef": _OPTIONAL,
    "secretKeyRef": _OPTIONAL,
    "configMapRef": _OPTIONAL,
    "secretRef": _OPTIONAL,
    "csi": {"readOnly": False},
    "nfs": {"readOnly": False},
    "iscsi": {"iscsiInterface": "default", "readOnly": False},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring", "readOnly": False},
    "azureDisk": {
        "cachingMode": "ReadWrite",
        "kind": "Shared",
        "fsType": "ext4",
        "readOnly": False,
    },
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs", "readOnly": False},
    "clientIP": {"timeoutSeconds": 10800},
}
"""By the name of the object or list a field stands in."""

TEXT_MAPS = frozenset(
    {"labels", "annotations", "matchLabels", "nodeSelector", "selector", "volumeAttributes"}
)
"""Maps that people name the fields of: nothing in them is a default, and `""` is a value."""
EMPTY_MEANS_ALL = frozenset({"labelSelector", "namespaceSelector"})
QUANTITIES = frozenset({"limits", "requests"})
QUANTITY_FIELDS = frozenset({"sizeLimit", "divisor"})
_UNITS: Mapping[str, Decimal] = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "k": Decimal("1e3"),
    "M": Decimal("1e6"), "G": Decimal("1e9"), "T": Decimal("1e12"), "P": Decimal("1e15"),
    "E": Decimal("1e18"), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30),
    "Ti": Decimal(2**40), "Pi": Decimal(2**50), "Ei": Decimal(2**60),
}  # fmt: skip


def without_defaults(name: str, value: JsonValue) -> JsonValue:
    """The value of the field `name` as its author could have written it most briefly."""
    if isinstance(value, list):
        return [without_defaults(name, item) for item in value]
    if not isinstance(value, dict):
        return _quantity(value) if name in QUANTITY_FIELDS else value
    if name in TEXT_MAPS:
        return {
            key: each if isinstance(each, str) else without_defaults(key, each)
            for key, each in value.items()
            if each is not None
        }
    if name in QUANTITIES:
        return {key: _quantity(each) for key, each in value.items() if each is not None}
    plain = {key: without_defaults(key, each) for key, each in value.items()}
    return _derived(name, {
        key: each for key, each in plain.items()
        if not _empty(key, each) and not _stands_at_default(name, key, each)
    })  # fmt: skip


def _empty(name: str, value: JsonValue) -> bool:
    return value is None or (value in ({}, [], "") and name not in EMPTY_MEANS_ALL)


def _stands_at_default(parent: str, name: str, value: JsonValue) -> bool:
    known = DEFAULTS.get(parent, {})
    # Python's 0 equals False, JSON's does not.
    return name in known and known[name] == value and type(known[name]) is type(value)


def _derived(name: str, fields: dict[str, JsonValue]) -> JsonValue:
    """Drop the defaults that a server works out from another field."""
    if fields.get("hostNetwork") is True:
        fields = {key: _on_host(key, each) for key, each in fields.items()}
    account = fields.pop("serviceAccount", None)
    if account is not None:
        fields.setdefault("serviceAccountName", account)
    if name in ("containers", "initContainers") and fields.get("imagePullPolicy") == _pull(fields):
        del fields["imagePullPolicy"]
    if name == "ports" and fields.get("targetPort", 0) == fields.get("port"):
        fields.pop("targetPort", None)
    return fields


def _on_host(name: str, value: JsonValue) -> JsonValue:
    """Containers on the host's network have their ports on the host, said or not."""
    if isinstance(value, list):
        return [_on_host(name, item) for item in value]
    if not isinstance(value, dict):
        return value
    if name == "ports" and value.get("hostPort") == value.get("containerPort"):
        return {key: each for key, each in value.items() if key != "hostPort"}
    if name in ("ports", "containers", "initContainers"):
        return {key: _on_host(key, each) for key, each in value.items()}
    return value


def _pull(container: Mapping[str, JsonValue]) -> str:
    """How often an image is pulled if nobody says so."""
    image = str(container.get("image", ""))
    path, _, digest = image.partition("@")
    _, _, tag = path.rpartition("/")[2].partition(":")
    if digest and not tag:
        return "IfNotPresent"
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _quantity(value: JsonValue) -> JsonValue:
    """One text for one amount: servers write `500m` for a manifest's `0.5`."""
    text = str(value)
    number = text.rstrip("numkMGTPEi")
    try:
        amount = Decimal(number) * _UNITS.get(text[len(number) :], Decimal(1))
    except InvalidOperation:
        return value
    return format(amount.normalize(), "f")
