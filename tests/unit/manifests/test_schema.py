"""The schema for editors names every kind and every field."""

import pytest
from pydantic import JsonValue

from workflows.model.manifest import KINDS
from workflows.model.schema import json_schema


def definition(name: str) -> dict[str, JsonValue]:
    definitions = json_schema()["$defs"]
    assert isinstance(definitions, dict)
    found = definitions[name]
    assert isinstance(found, dict)
    return found


def fields(name: str) -> set[str]:
    properties = definition(name)["properties"]
    assert isinstance(properties, dict)
    return set(properties)


def test_every_kind_is_a_choice() -> None:
    assert json_schema()["oneOf"] == [{"$ref": f"#/$defs/{name}"} for name in KINDS]


@pytest.mark.parametrize("kind", list(KINDS))
def test_kind_tells_documents_apart(kind: str) -> None:
    assert definition(kind)["required"] == ["apiVersion", "kind", "metadata", *(
        [] if kind == "RolloutPolicy" else ["spec"])]  # fmt: skip
    assert definition(kind)["additionalProperties"] is False


FLAGGERS_FIELDS = {
    "CanarySpec": "provider metricsServer targetRef autoscalerRef ingressRef routeRef upstreamRef "
    "service analysis progressDeadlineSeconds skipAnalysis revertOnDeletion suspend",
    "AutoscalerRef": "apiVersion kind name primaryScalerQueries primaryScalerReplicas",
    "ServiceSpec": "name port portName targetPort appProtocol trafficDistribution portDiscovery "
    "headless timeout backendTimeout gateways gatewayRefs hosts delegation trafficPolicy match "
    "rewrite retries headers mirror corsPolicy meshName backends apex primary canary "
    "unmanagedMetadata",
    "AnalysisSpec": "interval threshold iterations match maxWeight stepWeight stepWeights "
    "stepWeightPromotion mirror mirrorWeight primaryReadyThreshold canaryReadyThreshold metrics "
    "webhooks alerts sessionAffinity",
    "SessionAffinity": "cookieName primaryCookieName maxAge domain path httpOnly secure "
    "partitioned sameSite",
    "Metric": "name interval thresholdRange threshold query templateRef templateVariables",
    "Webhook": "name url type timeout retries disableTLS muteAlert metadata",
    "Alert": "name severity providerRef",
    "MetricProviderSpec": "type address headers secretRef region insecureSkipVerify",
    "AlertProviderSpec": "type address secretRef channel username proxy",
}


@pytest.mark.parametrize("name", list(FLAGGERS_FIELDS))
def test_flaggers_fields_and_no_others(name: str) -> None:
    assert fields(name) == set(FLAGGERS_FIELDS[name].split())
