"""What a waiting gate asks for, in words for people who may be asked. Pure.

Used by `workflows.telling.alerting`.
"""

from workflows.model.alert import Fact
from workflows.model.approval import GateRule, OnExpiry
from workflows.model.hook import HookType
from workflows.model.status import Waiting

_ASKED = {
    HookType.CONFIRM_ROLLOUT: "the rollout",
    HookType.CONFIRM_TRAFFIC_INCREASE: "the traffic increase",
    HookType.CONFIRM_PROMOTION: "the promotion",
}


def asked_for(waiting: Waiting) -> str:
    """The step in a sentence: "the promotion"."""
    return _ASKED.get(waiting.gate, f"the step {waiting.step}")


def gate_facts(waiting: Waiting) -> tuple[Fact, ...]:
    """What is asked for, as people need it to decide whether it is them."""
    rule, facts = waiting.rule, [Fact(name="Step", value=waiting.step)]
    wanted = ", ".join((*rule.who.people, *rule.who.groups)) or "anybody"
    facts.append(Fact(name="Who may approve", value=wanted))
    if conditions := _conditions(rule, len(waiting.given)):
        facts.append(Fact(name="Asked for", value=conditions))
    if waiting.hooks:
        facts.append(Fact(name="Opened by", value=f"approval, or {', '.join(waiting.hooks)}"))
    return tuple(facts)


def _conditions(rule: GateRule, given: int) -> str:
    parts: list[str] = []
    if rule.quorum > 1:
        parts.append(f"{rule.quorum} approvals, {given} given")
    if rule.not_author:
        parts.append("not the author of the change")
    if rule.proven:
        parts.append("a proven identity")
    if rule.expires_after is not None:
        parts.append(f"within {rule.expires_after:g} s, else {rule.on_expiry}")
    return "; ".join(parts)


def is_expired(waiting: Waiting, at: float) -> bool:
    """Whether its time is over and it holds all the same."""
    past = waiting.expires_at is not None and at >= waiting.expires_at
    return past and waiting.rule.on_expiry is OnExpiry.HOLD
