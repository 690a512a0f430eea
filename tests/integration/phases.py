"""A release that can be held in each of its phases for as long as a test needs.

The phases are those of a Canary with every kind of gate. What holds them is what holds them in
life: a closed gate, a long interval, a process that does not come up.
"""

from tests.integration.manifests import HELD, a_canary, a_hook, a_policy, a_shop
from tests.integration.scene import Scene
from workflows.model.manifest import Manifest
from workflows.model.status import Verb

PHASES = ("before-start", "start", "weights", "gate", "promote")
_GATE = "confirm-promotion"


class Phased:
    """One scene whose next release stops in the phase that is asked for."""

    def __init__(self, scene: Scene, **policy: object) -> None:
        self.scene = scene
        self._policy = policy
        self._permit = scene.on.home.root / f"{scene.name}.may-start"

    async def begin(self) -> None:
        """Bring v1 up."""
        self.may_start()
        name = self.scene.name
        await self.scene.begin(a_policy(name, **self._policy), self.canary(HELD), self.shop("v1"))

    async def reach(self, phase: str, version: str = "v2") -> None:
        """Release a version and wait until it is held in the phase."""
        interval = HELD if phase == "weights" else "1s"
        await self.scene.apply(self.canary(interval), self.shop(version))
        await self.scene.waits_at("confirm-rollout")
        if phase == "before-start":
            return
        if phase == "start":
            self.may_not_start()
        await self.scene.answer(Verb.APPROVE, "confirm-rollout")
        if phase == "start":
            await self.scene.at("start")
            return
        if phase == "weights":
            await self.scene.at("weight-50")
            return
        await self.scene.waits_at(_GATE)
        if phase == "promote":
            self.may_not_start()
            await self.scene.answer(Verb.APPROVE, _GATE)
            await self.scene.at("promote")

    async def let_go(self) -> None:
        """Open what holds the release."""
        self.may_start()
        await self.scene.turn_gate("open")

    def may_start(self) -> None:
        """Let processes come up."""
        self._permit.touch()

    def may_not_start(self) -> None:
        """Hold processes that are started from now on."""
        self._permit.unlink()

    def shop(self, version: str) -> Manifest:
        return a_shop(self.scene.name, version, waits_for=self._permit)

    def canary(self, interval: str) -> Manifest:
        check = f"{self.scene.on.ports.loadtester_url}/gate/check"
        hooks = [a_hook(kind, kind, check) for kind in ("confirm-rollout", _GATE)]
        analysis: dict[str, object] = {
            "interval": interval,
            "stepWeights": [50],
            "webhooks": hooks,
        }
        return a_canary(self.scene.name, analysis=analysis)
