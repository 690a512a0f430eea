"""What every page works with: the gateway, one watcher, the templates, and who is asking."""

from dataclasses import dataclass
from importlib import resources

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse

from worker.gateway import problems
from worker.gateway.access import FORM_FIELD
from worker.gateway.context import GatewayContext
from worker.gateway.identity import ANONYMOUS, Person
from worker.gateway.pages.words import FILTERS
from worker.gateway.watching import Watcher
from workflows.model.identity import Slot

SITE = resources.files("worker.gateway")


def environment() -> Environment:
    """The templates; whatever is put into one is escaped, whatever is missing is an error."""
    made = Environment(
        loader=FileSystemLoader(str(SITE / "templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    return made


@dataclass(frozen=True)
class Desk:
    """Made once a gateway."""

    context: GatewayContext
    watcher: Watcher
    templates: Environment

    async def person(self, request: Request) -> Person:
        """Who is asking; `Problem` 401 for nobody known, which leads to the sign-in."""
        person = await self.context.access.who(request)
        if person is None:
            raise problems.unauthenticated()
        return person

    async def page(
        self, request: Request, person: Person, template: str, status: int = 200, **values: object
    ) -> HTMLResponse:
        """A whole page."""
        token = await self.context.access.form_token(request)
        text = self.part(
            template,
            person=person,
            known=person.name != ANONYMOUS,
            form_field=FORM_FIELD,
            form_token=token,
            path=request.url.path,
            **values,
        )
        return HTMLResponse(text, status, {"Cache-Control": "no-store"})

    def part(self, template: str, **values: object) -> str:
        """A piece of one."""
        return self.templates.get_template(template).render(values)


def slot_of(request: Request, person: Person) -> Slot:
    """The target in the address; what may not be seen is not there."""
    try:
        slot = Slot.model_validate({name: request.path_params[name] for name in Slot.model_fields})
    except ValidationError as error:
        raise problems.not_found("there is no such target") from error
    if not person.may_see(slot):
        raise problems.not_found(f"there is no target {slot.key}")
    return slot
