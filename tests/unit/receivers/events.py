"""Deliveries that tests are about: Flux' own published one, and the triggers that wait for them."""

from workflows.model.manifest import parse
from workflows.model.trigger import Trigger

KEY = b"7152fed34dd6149a7c75a276c510da27cb6f82b0"
SIGNATURE = "sha256=65b018549b1254e7226d1c08f9567ee45bc9de0fc4e7b1a40253f9a018b08be7"
BODY = (
    b'{"involvedObject":{"kind":"GitRepository","namespace":"gitops-system","name":"webapp"},'
    b'"severity":"info","timestamp":"2022-09-30T06:40:29Z","message":"message","reason":"reason",'
    b'"metadata":{"test":"metadata"},"reportingController":"source-controller",'
    b'"reportingInstance":"source-controller-xyz"}'
)


def a_trigger(
    namespace: str = "apps", receiver: dict[str, object] | None = None, **spec: object
) -> Trigger:
    """A Trigger; `receiver` and the rest add to or replace what is there."""
    about = {"type": "flux", "secretRef": {"name": "key"}, **(receiver or {})}
    wants = {"action": "submit", "targets": {"names": ["shop"]}, **spec, "receiver": about}
    found = parse(
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "Trigger",
            "metadata": {"name": "of-flux", "namespace": namespace},
            "spec": wants,
        }
    )
    assert isinstance(found, Trigger)
    return found
