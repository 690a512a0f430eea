"""`serinus takeover` and `serinus handback`: from Flagger, and back to it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from activities.kube.client import KubeClient
from activities.kube.connect import open_cluster
from activities.kube.store import KubeStore
from activities.routing.kube import KubeRouting
from worker import connection, settings
from worker.cli.exits import CommandFailed
from worker.cli.options import By, Within
from worker.cli.output import complain, say, show
from worker.cli.session import typed, whoami
from worker.controller.running import terms
from worker.controller.settings import ClusterSettings, load_cluster
from worker.kube_platform import workload_settings
from worker.settings import Settings
from worker.takeover.fate import Fate, Verdict, fate_of
from worker.takeover.handing_back import FIRST_ACTION, Giver, NotHandedBack
from worker.takeover.looking import Found, Looker
from worker.takeover.taking import is_taken, take
from workflows.model.identity import Slot

PATIENCE = 900.0
Where = Annotated[
    str | None, Parameter(name=("--namespace", "-n"), help="Only Canaries of this namespace.")
]
DryRun = Annotated[bool, Parameter(negative=(), help="Say what would happen, and change nothing.")]
Judged = Sequence[tuple[Found, Verdict]]


@asynccontextmanager
async def _cluster() -> AsyncGenerator[tuple[Settings, ClusterSettings, KubeClient]]:
    configured, cluster = settings.load(), load_cluster()
    async with open_cluster(cluster.kubeconfig, cluster.context or None) as api:
        yield configured, cluster, api


async def takeover(
    *names: str,
    namespace: Where = None,
    dry_run: DryRun = False,
    by: By = None,
    within: Within = PATIENCE,
) -> int:
    """Take Canaries over from Flagger: no pod restarts and no traffic moves unless it says so.

    Without names, all of the namespace; without a namespace, all of the cluster.
    """
    async with _cluster() as (configured, cluster, api):
        looker = Looker(api, configured.cluster, workload_settings(cluster), terms(cluster))
        where = (namespace,) if namespace else cluster.namespaces
        judged = [(each, fate_of(each.sight)) async for each in looker.look(where, names)]
        _refuse_unknown(names, judged)
        show(_table(judged))
        flagger = await looker.flagger()
        if flagger:
            complain(f"Flagger still runs ({flagger}); scale it to zero first: both would write")
        if not (dry_run or flagger):
            client = await connection.connect(configured)
            for each, verdict in judged:
                if is_taken(verdict.fate, each.sight):
                    said = await take(api, client, each, whoami(by), within or PATIENCE)
                    say(f"{each.slot.key}: {said}")
    return int(bool(flagger) or any(verdict.fate is Fate.REFUSED for _, verdict in judged))


async def handback(*names: str, namespace: Where = None) -> int:
    """Give Canaries back to Flagger; their objects stay, and users where they are.

    Without names, all that Serinus has in the namespace.
    """
    if not names and namespace is None:
        raise CommandFailed("name the Canaries to hand back, or their namespace")
    async with _cluster() as (configured, cluster, api):
        store = KubeStore(api, configured.cluster)
        here, home = namespace or "default", configured.cluster
        slots = [typed(Slot, cluster=home, namespace=here, name=name) for name in names]
        routing = KubeRouting(api, store, default=cluster.mesh_provider)
        giver = Giver(api, await connection.connect(configured), store, routing)
        refused = [
            slot for slot in slots or await store.slots((here,)) if not await _gave(giver, slot)
        ]
    say(f"{FIRST_ACTION}. It may be started now.")
    return int(bool(refused))


async def _gave(giver: Giver, slot: Slot) -> bool:
    try:
        given = await giver.give(slot)
    except NotHandedBack as error:
        complain(str(error))
        return False
    say(f"{slot.key}: handed back; {given.cleaned} objects keep no word of Serinus")
    if given.warning:
        say(f"{slot.key}: {given.warning}")
    return True


def _refuse_unknown(names: Sequence[str], judged: Judged) -> None:
    unknown = sorted(set(names) - {each.slot.name for each, _ in judged})
    if unknown:
        raise CommandFailed(f"there is no Canary {', '.join(unknown)}")


def _table(judged: Judged) -> Table:
    table = Table("CANARY", "PHASE", "FATE", "WHY", box=None, pad_edge=False)
    for each, verdict in judged:
        table.add_row(each.slot.key, each.sight.phase or "-", verdict.fate.value, verdict.why)
    return table
