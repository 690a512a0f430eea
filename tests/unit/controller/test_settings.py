"""What may be set for a cluster, and what a wrong setting says."""

import pytest

from worker.controller.settings import ClusterSettings, load_cluster
from worker.settings import SettingsError
from workflows.model.provider import Provider


def test_the_defaults_are_flaggers() -> None:
    settings = ClusterSettings()
    assert settings.mesh_provider is Provider.ISTIO
    assert settings.selector_labels == ("app", "name", "app.kubernetes.io/name")
    assert settings.metrics_server == "http://prometheus:9090"
    assert settings.config_tracking is True
    assert settings.no_cross_namespace_refs is False
    assert settings.namespaces == ()


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_NAMESPACES", "a, b,")
    monkeypatch.setenv("SERINUS_MESH_PROVIDER", "traefik")
    settings = load_cluster()
    assert settings.namespaces == ("a", "b")
    assert settings.mesh_provider is Provider.TRAEFIK


def test_a_wrong_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERINUS_MESH_PROVIDER", "isto")
    with pytest.raises(SettingsError, match="SERINUS_MESH_PROVIDER"):
        load_cluster()
