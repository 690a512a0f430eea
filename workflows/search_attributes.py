"""The search attributes of a rollout: registered at worker start, written by the workflow."""

from temporalio.common import SearchAttributeKey

PHASE = SearchAttributeKey.for_keyword("RolloutPhase")
NAMESPACE = SearchAttributeKey.for_keyword("RolloutNamespace")
APP = SearchAttributeKey.for_keyword("RolloutApp")
REVISION = SearchAttributeKey.for_keyword("RolloutRevision")
STRATEGY = SearchAttributeKey.for_keyword("RolloutStrategy")
STEP = SearchAttributeKey.for_int("RolloutStep")
WEIGHT = SearchAttributeKey.for_int("RolloutWeight")
AWAITING_APPROVAL = SearchAttributeKey.for_bool("AwaitingApproval")

ALL = (PHASE, NAMESPACE, APP, REVISION, STRATEGY, STEP, WEIGHT, AWAITING_APPROVAL)
