"""Every metric provider by the name that `spec.provider.type` of a MetricTemplate gives it."""

from collections.abc import Mapping
from types import MappingProxyType

from activities.metrics.prometheus import Prometheus
from activities.metrics.provider import CannotAskError, MetricProvider, invalid

PROVIDERS: Mapping[str, MetricProvider] = MappingProxyType({"prometheus": Prometheus()})


def provider_named(name: str) -> MetricProvider:
    """Flagger takes Prometheus for what it does not know; here it is an error."""
    if (provider := PROVIDERS.get(name)) is None:
        known = ", ".join(sorted(PROVIDERS))
        raise CannotAskError(invalid(f"there is no metric provider {name!r}; there are: {known}"))
    return provider
