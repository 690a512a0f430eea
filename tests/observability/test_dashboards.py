"""Metrics of a good and a bad release on a real Prometheus; dashboard and rules find them."""

import asyncio
import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, ConfigDict

from tests.fakes_observe import HookReceiver
from tests.integration.manifests import a_canary, a_hook, a_shop
from tests.integration.patience import eventually
from tests.integration.scene import Scene
from tests.observability.conftest import Observed
from tests.observability.prometheus import Prometheus, open_prometheus, promtool
from workflows.errors import Reason
from workflows.model.requests import Outcome
from workflows.model.status import Verb

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "serinus.json"
NAME = re.compile(r"\b(?:serinus|temporal|process)_[a-z_]+\b|\bup\b")
WINDOW = "2m"


class Strict(BaseModel):
    """Unknown fields would be dropped by Grafana."""

    model_config = ConfigDict(extra="forbid")


class Source(Strict):
    type: str
    uid: str


class Place(Strict):
    h: int
    w: int
    x: int
    y: int


class Target(Strict):
    refId: str  # noqa: N815  Grafana's names
    datasource: Source
    expr: str
    legendFormat: str  # noqa: N815
    range: bool
    instant: bool
    format: str = "time_series"


class Panel(Strict):
    id: int
    type: str
    title: str
    gridPos: Place  # noqa: N815
    description: str = ""
    datasource: Source | None = None
    targets: list[Target] = []
    fieldConfig: dict[str, object] = {}  # noqa: N815
    options: dict[str, object] = {}
    collapsed: bool = False
    panels: list[object] = []


class Dashboard(BaseModel):
    uid: str
    title: str
    schemaVersion: int  # noqa: N815
    templating: dict[str, list[dict[str, object]]]
    panels: list[Panel]


def dashboard() -> Dashboard:
    return Dashboard.model_validate_json(DASHBOARD.read_bytes())


def queries() -> dict[str, str]:
    """Every query of the dashboard, as Grafana would send it with all chosen."""
    return {
        f"{panel.title} {target.refId}": target.expr.replace("$__rate_interval", WINDOW)
        .replace("$namespace", ".*")
        .replace("$name", ".*")
        for panel in dashboard().panels
        for target in panel.targets
    }


def rules() -> dict[str, str]:
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


@pytest.fixture(scope="session")
async def prometheus(
    observed: Observed, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Prometheus]:
    jobs = {"serinus-worker": observed.worker_metrics, "serinus-gateway": observed.gateway_metrics}
    folder = tmp_path_factory.mktemp("prometheus")
    async with open_prometheus(folder, jobs, [RULES]) as prometheus:
        await eventually(lambda: prometheus.has("sum(up) == 2"), "both are scraped")
        yield prometheus


async def test_dashboard_and_rules_find_what_a_good_and_a_bad_release_did(
    observed: Observed, prometheus: Prometheus, scene: Scene, hooks: HookReceiver
) -> None:
    hooks.at("/news", *(web.Response(status=400) for _ in range(100)))
    gate = a_hook("ask", "confirm-promotion", f"{observed.stack.ports.loadtester_url}/gate/check")
    news = a_hook("news", "event", f"{hooks.url}/news")
    good = a_hook("good", "event", f"{hooks.url}/")
    analysis = {"stepWeights": [50], "webhooks": [gate, news, good]}
    await scene.begin(a_canary(scene.name, analysis=analysis), a_shop(scene.name, "v1"))
    own = f'namespace="default",name="{scene.name}"'
    async with scene.users():
        await scene.apply(a_shop(scene.name, "v2"))
        await scene.waits_at("confirm-promotion")
        waits = f'serinus_gate_waiting_seconds{{{own},gate="confirm-promotion"}} > 0'
        await eventually(lambda: prometheus.has(waits), "the gate is seen to wait")
        await eventually(lambda: prometheus.has("serinus_gates_waiting == 1"), "it is counted")
        gates = queries()
        gate_queries = [name for name in gates if "serinus_gate_" in gates[name]]
        await assert_found(prometheus, {name: gates[name] for name in gate_queries})
        await scene.answer(Verb.APPROVE)
        await scene.ends(Outcome.PROMOTED)
        await scene.apply(a_shop(scene.name, "v3"))
        await scene.at("weight-50")
        await scene.break_canary(errorRate=0.9)
        await scene.ends(Outcome.ROLLED_BACK, Reason.GUARD_ERRORS)
    await observed.api.get("/rollouts")
    for expected in (
        f'serinus_rollouts_started_total{{{own},kind="release"}} == 2',
        f'serinus_rollouts_ended_total{{{own},outcome="promoted"}} == 1',
        f'sum(serinus_rollouts_ended_total{{{own},outcome="rolled-back"}}) == 1',
        f'serinus_guard_trips_total{{{own},reason="GuardErrors"}} == 1',
        f"serinus_restore_seconds_count{{{own}}} == 1",
        f"serinus_restore_seconds_sum{{{own}}} > 0",
        f"serinus_reaction_seconds_count{{{own}}} == 1",
        f'sum(serinus_checks_total{{{own},verdict="pass"}}) > 0',
        f'serinus_ticks_total{{{own},verdict="pass"}} > 0',
        f"serinus_tick_lateness_seconds_count{{{own}}} > 0",
        f'serinus_hook_calls_total{{{own},type="confirm-promotion"}} > 0',
        f'serinus_deliveries_total{{{own},channel="event-hook",result="delivered"}} > 0',
        f'serinus_deliveries_total{{{own},channel="event-hook",result="failed"}} > 0',
        "sum(serinus_alerts_dead_total) > 0",
        'serinus_gateway_requests_total{part="api",code="200"} > 0',
        f"increase(serinus_restore_seconds_count{{{own}}}[2m]) > 0",
        f"increase(serinus_reaction_seconds_sum{{{own}}}[2m]) > 0",
        "serinus_gates_waiting == 0",
    ):
        await prometheus.comes_to(expected)
    gone = [name for name in queries() if name not in gate_queries]
    await assert_found(prometheus, {name: queries()[name] for name in gone})
    await assert_rules_know(prometheus)
    assert await prometheus.has('ALERTS{alertname="SerinusAlertsUndelivered",alertstate="firing"}')
    await assert_series_go_with_their_target(observed, scene)


async def assert_found(prometheus: Prometheus, asked: dict[str, str]) -> None:
    """Each query gives a series now or in a moment: rates need two scrapes."""
    for name, query in asked.items():
        await prometheus.comes_to(query, name)


async def assert_rules_know(prometheus: Prometheus) -> None:
    """Whatever a rule speaks of is there, and the rule itself can be asked."""
    for alert, expr in rules().items():
        await prometheus.ask(expr)
        for metric in NAME.findall(expr):
            known = metric if metric != "serinus_gate_waiting_seconds" else "serinus_gates_waiting"
            assert await prometheus.has(known), f"{alert}: there is no {metric}"


async def assert_series_go_with_their_target(observed: Observed, scene: Scene) -> None:
    mine = f'name="{scene.name}"'
    assert mine in await observed.metrics(observed.worker_metrics)
    await scene.delete_canary()
    await scene.result()

    async def are_gone() -> bool:
        return mine not in await observed.metrics(observed.worker_metrics)

    await eventually(are_gone, "the series of a deleted Canary are gone")


async def test_metrics_are_sent_by_otlp_as_well(observed: Observed, scene: Scene) -> None:
    await scene.begin(a_canary(scene.name), a_shop(scene.name, "v1"))
    await observed.api.get("/rollouts")

    async def have_come() -> bool:
        lasted = observed.receiver.metrics.get("serinus-worker serinus_rollout_seconds")
        return lasted is not None and any(
            scene.name in str(point.attributes) for point in lasted.histogram.data_points
        )

    await eventually(have_come, "the release is counted by OTLP")
    sent = observed.receiver.metrics
    assert observed.receiver.services >= {"serinus-worker", "serinus-gateway"}
    lasted = sent["serinus-worker serinus_rollout_seconds"].histogram.data_points
    [mine] = [point for point in lasted if scene.name in str(point.attributes)]
    assert (mine.count, sum(mine.bucket_counts)) == (1, 1)
    assert len(mine.explicit_bounds) + 1 == len(mine.bucket_counts)
    assert mine.sum > 0
    assert sent["serinus-worker temporal_num_pollers"].gauge.data_points
    name = "serinus-gateway serinus_gateway_requests"
    await eventually(lambda: _true(name in sent), "the gateway has sent its numbers")
    assert sent[name].sum.is_monotonic


async def _true(value: bool) -> bool:
    return value


async def test_the_page_of_metrics_can_be_read(observed: Observed) -> None:
    page = await observed.metrics(observed.worker_metrics)
    families = {family.name for family in text_string_to_metric_families(page)}
    assert families >= {"serinus_rollouts", "temporal_num_pollers", "process_resident_memory_bytes"}


def test_the_rules_pass_their_own_cases() -> None:
    within = RULES.parent
    assert "SUCCESS" in promtool("check", "rules", RULES.name, within=within)
    assert "SUCCESS" in promtool("test", "rules", "cases.yaml", within=within)
    cases = yaml.safe_load((within / "cases.yaml").read_text())
    tested = {
        each["alertname"]
        for test in cases["tests"]
        for each in test["alert_rule_test"]
        if each.get("exp_alerts")
    }
    assert tested == rules().keys()


def test_the_scrape_file_is_one_that_prometheus_reads(tmp_path: Path) -> None:
    promtool("check", "config", "scrape.yaml", within=RULES.parent)


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    board = dashboard()
    ids = [panel.id for panel in board.panels]
    assert len(set(ids)) == len(ids)
    shown = [panel for panel in board.panels if panel.type != "row"]
    assert {panel.type for panel in shown} == {"timeseries", "stat", "table"}
    assert all(panel.targets and panel.datasource for panel in shown)
    variables = [str(each["name"]) for each in board.templating["list"]]
    used = {name for panel in shown for each in panel.targets
            for name in re.findall(r"\$([a-z]\w*)", each.expr)}  # fmt: skip
    assert used <= set(variables)
    places = [(panel.gridPos.y, panel.gridPos.x) for panel in board.panels]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
    assert all(panel.gridPos.x + panel.gridPos.w <= 24 for panel in board.panels)


async def test_every_query_is_promql(prometheus: Prometheus) -> None:
    await asyncio.gather(*(prometheus.ask(query) for query in (*queries().values(),)))
