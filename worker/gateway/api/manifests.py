"""The manifests of the local platform over HTTP: `serinus apply`, `get` and `delete`.

On Kubernetes the API server keeps them, with its own rules of who may; there is nothing to add.
"""

import asyncio
from collections.abc import Sequence

from activities.documents import read
from activities.local.home import Home
from activities.local.manifests import ManifestFolder
from activities.manifests import dump
from worker import applying
from worker.applying import Applier, NotApplied
from worker.gateway.api import faults
from worker.gateway.api.answers import Answer
from worker.gateway.api.looking import link
from worker.gateway.api.operations import Call
from worker.gateway.api.paging import ForeignCursor, page_of
from worker.gateway.api.permits import role_over, role_to_change, role_to_see
from worker.gateway.api.shapes import (
    LONGEST_NAME,
    AppliedManifests,
    ApplyQuery,
    Deleted,
    ManifestDocument,
    ManifestPage,
    ManifestPlace,
    ManifestQuery,
    Nothing,
    Preview,
    Texts,
)
from worker.gateway.context import GatewayContext
from worker.gateway.identity import Person
from worker.planning import manifests_of, plans_of
from workflows.errors import ManifestError
from workflows.model.canary import Canary
from workflows.model.manifest import KINDS, Manifest
from workflows.model.problem import Problem

KUBECTL = "the cluster keeps the manifests; apply and delete them with kubectl"


async def preview(call: Call[Nothing, Nothing, Texts]) -> Answer:
    """What manifests would do, step by step; nothing is kept."""
    try:
        plans = await asyncio.to_thread(_plans, call.body)
    except ManifestError as error:
        raise faults.bad_manifests(error) from error
    return Answer(plans)


async def list_manifests(call: Call[Nothing, ManifestQuery, Nothing]) -> Answer:
    """What is applied, as far as it may be seen, by kind, namespace and name."""
    folder = _folder(call.context)
    found = await asyncio.to_thread(_seen, folder, call.person, call.query)
    query = call.query
    filters = query.model_dump_json(exclude={"cursor", "limit"})
    try:
        page = page_of(found, _key, filters=filters, cursor=query.cursor, limit=query.limit)
    except ForeignCursor as error:
        raise faults.bad_cursor(str(error)) from error
    items = tuple(_document(each) for each in page.items)
    return Answer(ManifestPage(items=items, next=page.cursor), link(call.request, page.cursor))


async def get_manifest(call: Call[ManifestPlace, Nothing, Nothing]) -> Answer:
    """One manifest."""
    folder = _folder(call.context)
    manifest = await asyncio.to_thread(_one, folder, call.person, call.place)
    role = role_over(call.person, manifest, ())
    if role is None or role < role_to_see(manifest):
        raise faults.role_too_low(role_to_see(manifest), manifest.key, "read")
    return Answer(_document(manifest))


async def apply(call: Call[Nothing, ApplyQuery, Texts]) -> Answer:
    """Keep manifests, and roll out every target whose Canary or Process changed."""
    folder, home = _folder(call.context), Home(call.context.settings.home)
    try:
        manifests = await asyncio.to_thread(_short_named, call.body)
        await asyncio.to_thread(_allow, folder, call.person, manifests)
        applier = Applier(home)
        applied = await asyncio.to_thread(applier.apply, manifests, again=call.query.again)
    except ManifestError as error:
        raise faults.bad_manifests(error) from error
    statuses = await applying.send(call.context.client, applied.triggers, call.person.name)
    return Answer(AppliedManifests.model_validate({**dict(applied), "statuses": statuses}))


async def delete(call: Call[ManifestPlace, Nothing, Nothing]) -> Answer:
    """Remove a manifest; a Canary's target serves on as it is, a Process alone is stopped."""
    folder, home = _folder(call.context), Home(call.context.settings.home)
    manifest = await asyncio.to_thread(_one, folder, call.person, call.place)
    await asyncio.to_thread(_allow, folder, call.person, (manifest,))
    place, kind = call.place, type(manifest)
    try:
        trigger = await asyncio.to_thread(Applier(home).delete, kind, place.namespace, place.name)
    except NotApplied as error:
        raise faults.conflict(str(error)) from error
    done = Deleted(kind=manifest.kind, key=manifest.key)
    if trigger is None:
        return Answer(done)
    (status,) = await applying.send(call.context.client, [trigger], call.person.name)
    return Answer(done.model_copy(update={"status": status}))


def _short_named(texts: Texts) -> tuple[Manifest, ...]:
    """The manifests of texts; a name must fit into that of a file."""
    manifests = manifests_of(texts.sources)
    long = [each for each in manifests if len(each.metadata.name) > LONGEST_NAME]
    if long:
        message = f"is longer than the {LONGEST_NAME} characters that can be kept"
        raise ManifestError(
            [Problem(path="metadata.name", message=message, where=each.key) for each in long]
        )
    return manifests


def _plans(texts: Texts) -> Preview:
    return Preview(plans=plans_of(manifests_of(texts.sources)))


def _folder(context: GatewayContext) -> ManifestFolder:
    """Where manifests are kept; 405 where that is not for us to say."""
    if context.settings.platform != "local":
        raise faults.wrong_method("", ("OPTIONS",), KUBECTL)
    return ManifestFolder(Home(context.settings.home))


def _seen(folder: ManifestFolder, person: Person, query: ManifestQuery) -> list[Manifest]:
    kinds = list(KINDS.values()) if query.kind is None else [_kind(query.kind)]
    canaries = folder.list(Canary, query.namespace)
    found: list[Manifest] = [each for kind in kinds for each in folder.list(kind, query.namespace)]
    return [each for each in found if (role_over(person, each, canaries) or 0) >= role_to_see(each)]


def _one(folder: ManifestFolder, person: Person, place: ManifestPlace) -> Manifest:
    """The manifest at a place, if this person may know of it."""
    manifest = folder.get(_kind(place.kind), place.namespace, place.name)
    if manifest is None or role_over(person, manifest, ()) is None:
        raise faults.not_found(f"there is no {place.kind} {place.namespace}/{place.name}")
    return manifest


def _allow(folder: ManifestFolder, person: Person, manifests: Sequence[Manifest]) -> None:
    """404 if a manifest is about what this person may not see, 403 if the role is too low."""
    for manifest in manifests:
        stored = folder.list(Canary, manifest.metadata.namespace)
        given = [each for each in manifests if isinstance(each, Canary)]
        role = role_over(person, manifest, (*stored, *given))
        needed = role_to_change(manifest)
        if role is None:
            raise faults.not_found(f"there is no {manifest.kind} {manifest.key}")
        if role < needed:
            raise faults.role_too_low(needed, f"{manifest.kind} {manifest.key}", "change")


def _kind(word: str) -> type[Manifest]:
    """A kind by its name, as `Canary` or `canary`."""
    for name, kind in KINDS.items():
        if word.lower() == name.lower():
            return kind
    raise faults.not_found(f"there is no kind {word}; there are {', '.join(KINDS)}")


def _key(manifest: Manifest) -> str:
    return f"{list(KINDS).index(manifest.kind):02d}/{manifest.key}"


def _document(manifest: Manifest) -> ManifestDocument:
    return ManifestDocument.model_validate(read(dump(manifest), "")[0].data)
