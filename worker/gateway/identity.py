"""Who is asking, and what they may do. Pure; every way into the gateway ends here.

Made by `worker.gateway.sign_in`, asked by the API, the page and the receivers.
"""

from enum import IntEnum

from pydantic import Field

from workflows.model.approval import Via
from workflows.model.identity import Slot
from workflows.model.status import Verb
from workflows.model.value import Record, Value

ANY = "*"
ANONYMOUS = "anonymous"
"""The name of people who have not signed in."""


class Role(IntEnum):
    """Each may do all that the ones below it may."""

    VIEWER = 1
    APPROVER = 2
    OPERATOR = 3
    ADMIN = 4


NEEDED = {
    Verb.APPROVE: Role.APPROVER,
    Verb.REJECT: Role.APPROVER,
    Verb.PAUSE: Role.OPERATOR,
    Verb.RESUME: Role.OPERATOR,
    Verb.ABORT: Role.OPERATOR,
    Verb.PROMOTE: Role.OPERATOR,
    Verb.SUBMIT: Role.OPERATOR,
    Verb.SKIP: Role.ADMIN,
}


class Binding(Value):
    """A role in namespaces and for targets; `*` means all. Either people or groups are named."""

    role: Role
    people: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = (ANY,)
    targets: tuple[str, ...] = (ANY,)


class Person(Record):
    """Somebody who has proven who they are, or `ANONYMOUS`."""

    name: str
    groups: tuple[str, ...] = ()
    bindings: tuple[Binding, ...] = ()
    via: Via = Via.PAGE
    expires_at: float = Field(default=0.0)

    def role_in(self, slot: Slot) -> Role | None:
        """The highest role for one target; None means that it is not to be seen at all."""
        roles = [
            binding.role
            for binding in self.bindings
            if _covers(binding.namespaces, slot.namespace) and _covers(binding.targets, slot.name)
        ]
        return max(roles, default=None)

    def may(self, verb: Verb, slot: Slot) -> bool:
        """Whether this person may give this order here."""
        role = self.role_in(slot)
        return role is not None and role >= NEEDED[verb]

    def may_see(self, slot: Slot) -> bool:
        """Whether this person may know of this target."""
        return self.role_in(slot) is not None


def bindings_of(
    name: str, groups: tuple[str, ...], all_of: tuple[Binding, ...]
) -> tuple[Binding, ...]:
    """The bindings that hold for somebody of this name in these groups."""
    return tuple(
        binding
        for binding in all_of
        if _covers(binding.people, name) or any(_covers(binding.groups, group) for group in groups)
    )


def _covers(names: tuple[str, ...], name: str) -> bool:
    return ANY in names or name in names
