"""The `Delivery` workflow: one event on its way to one rollout.

Started by `worker.gateway.receivers`. That Temporal took it is what the sender is told; that its
id is taken is how a repeated delivery is known, by every gateway and after any restart.
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows import policies
    from workflows.contracts import Delivering
    from workflows.model.delivery import Delivered, DeliveryInput
    from workflows.perform import queue_of


@workflow.defn(name="Delivery")
class Delivery:
    """Carries out one order of a trigger."""

    @workflow.run
    async def run(self, order: DeliveryInput) -> Delivered:
        """Answers what the rollout was told, or why it was not."""
        return await workflow.execute_activity_method(
            Delivering.carry_out,
            order,
            task_queue=queue_of(order.slot.cluster),
            schedule_to_close_timeout=policies.DELIVERY_LIMIT,
            start_to_close_timeout=policies.DELIVERY_TIMEOUT,
            retry_policy=policies.READ_RETRY,
            priority=policies.ORDINARY,
            summary=f"{order.action} {order.slot.key}",
        )
