"""One gateway a test, on the Temporal server of the session."""

from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.activities.gateway.scene import Scene


@pytest.fixture
def scene(tmp_path: Path, env: WorkflowEnvironment) -> Scene:
    return Scene(tmp_path / "home", env.client)
