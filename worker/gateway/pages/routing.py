"""Every address of the web page, and what answers there."""

from pathlib import Path

from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from worker.gateway.context import GatewayContext
from worker.gateway.pages.desk import SITE, Desk, environment
from worker.gateway.pages.history_page import HistoryPages
from worker.gateway.pages.live import LivePages
from worker.gateway.pages.order_pages import OrderPages
from worker.gateway.pages.overview_page import OverviewPage
from worker.gateway.pages.preview_page import PreviewPage
from worker.gateway.pages.rollout_page import RolloutPage

SLOT = "{cluster}/{namespace}/{name}"


def routes(context: GatewayContext) -> list[BaseRoute]:
    """All of it, for one gateway."""
    desk = Desk(context, context.watcher, environment())
    overview, preview = OverviewPage(desk), PreviewPage(desk)
    rollout, history = RolloutPage(desk), HistoryPages(desk)
    orders, live = OrderPages(desk, rollout), LivePages(desk, rollout, overview)
    return [
        Route("/", overview.show),
        Route("/live", live.overview),
        Route(f"/rollouts/{SLOT}", rollout.show),
        Route(f"/rollouts/{SLOT}/live", live.rollout),
        Route(f"/rollouts/{SLOT}/orders/{{verb}}", orders.give, methods=["POST"]),
        Route(f"/targets/{SLOT}", history.show),
        Route(f"/targets/{SLOT}/undo", history.undo, methods=["POST"]),
        Route(f"/targets/{SLOT}/compare", history.compare),
        Route("/plan", preview.show),
        Route("/plan", preview.draw, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(str(SITE / "static")))),
    ]
