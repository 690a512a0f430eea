"""What the chaos run looks at must be able to say no."""

from pydantic import JsonValue

from tests.cluster.chaos.observing import SERVICE, Observed, Ticks


def routes(version: str, **weights: int) -> dict[str, JsonValue]:
    services: list[JsonValue] = [
        {"name": f"web-{side}", "weight": weight} for side, weight in weights.items()
    ]
    metadata: JsonValue = {"name": "web", "resourceVersion": version}
    return {"metadata": metadata, "spec": {"weighted": {"services": services}}}


def endpoints(*ready: bool) -> dict[str, JsonValue]:
    listed: list[JsonValue] = [{"conditions": {"ready": each}} for each in ready]
    metadata: JsonValue = {"name": "web-primary-x", "labels": {SERVICE: "web-primary"}}
    return {"metadata": metadata, "endpoints": listed}


def test_weights_that_do_not_sum_to_100_or_leave_out_the_primary_are_wrong() -> None:
    observed = Observed()
    observed.see_routes("ADDED", routes("1", primary=100))
    observed.see_routes("MODIFIED", routes("2", primary=90, canary=10))
    assert observed.wrong() == []
    observed.see_routes("MODIFIED", routes("3", primary=90, canary=20))
    observed.see_routes("MODIFIED", routes("4", canary=100))
    assert [each.version for each in observed.wrong()] == ["3", "4"]
    observed.by_hand.add("4")
    assert [each.version for each in observed.wrong()] == ["3"]


def test_a_primary_that_stops_serving_is_noticed() -> None:
    observed = Observed()
    observed.see_slice("ADDED", endpoints(False))
    observed.see_slice("MODIFIED", endpoints(True))
    observed.see_slice("MODIFIED", endpoints(True, False))
    assert observed.unserved == []
    observed.see_slice("MODIFIED", endpoints(False))
    assert len(observed.unserved) == 1


def test_only_a_tick_in_flight_may_come_again() -> None:
    in_flight = Ticks(["run/10.3/1/load", "run/10.3/2/load", "run/10.3/2/load"])
    assert (in_flight.again_after_completion(), in_flight.repeated) == ([], 1)
    completed = Ticks(["run/10.3/1/load", "run/10.3/2/load", "run/10.3/1/load"])
    assert completed.again_after_completion() == ["run/10.3/1/load"]
    assert Ticks(["run/10.3/2/load", "run/30.4/1/load"]).again_after_completion() == []
