"""The exact lines to type for every move, and where the stock Temporal UI shows the rollout."""

from urllib.parse import quote

from worker.cli.view import arguments
from worker.gateway.context import GatewayContext
from worker.stack import ports
from worker.stack.ports import StackFileError
from workflows.model.status import RolloutStatus, Verb


def serinus_lines(status: RolloutStatus) -> tuple[str, ...]:
    """The lines of `serinus` for exactly the moves allowed now."""
    named = arguments(status.slot)
    return (*(_line(verb, named, status) for verb in status.allowed), f"serinus status {named} -w")


def temporal_page(context: GatewayContext, status: RolloutStatus) -> str:
    """The address of the run in the stock UI; empty where it is not known."""
    try:
        known = ports.read(context.settings.home)
    except StackFileError:
        known = None
    if known is None:
        return ""
    namespace, workflow = context.client.namespace, quote(status.workflow_id, safe="")
    return f"{known.temporal_ui_url}/namespaces/{namespace}/workflows/{workflow}/{status.run_id}"


def _line(verb: Verb, named: str, status: RolloutStatus) -> str:
    line = f"serinus {verb} {named}"
    if verb in (Verb.APPROVE, Verb.REJECT) and status.waiting is not None:
        return f"{line} --step {status.waiting.step}"
    if verb is Verb.SKIP:
        return f"{line} {status.undo_owed[0] if status.undo_owed else 'UNDO'}"
    return line
