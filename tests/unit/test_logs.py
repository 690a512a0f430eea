"""Programs log one event a line, as JSON where nobody looks."""

import json
import subprocess
import sys

SAYS = """
import logging
import structlog
from worker import logs
logs.configure("INFO")
log = structlog.stdlib.get_logger("worker.controller")
log.debug("slot.decided")
log.info("trigger.sent", slot="shop/shop")
logging.getLogger("temporalio.activity").warning("retried", extra={"workflow_id": "rollout/a/b/c"})
logging.getLogger("httpx").info("a request")
"""


def test_each_line_is_one_event_with_what_it_is_about() -> None:
    told = subprocess.run([sys.executable, "-c", SAYS], check=True, capture_output=True, text=True)
    first, second = [json.loads(line) for line in told.stderr.splitlines()]
    assert (first["event"], first["level"], first["slot"]) == ("trigger.sent", "info", "shop/shop")
    assert first["logger"] == "worker.controller"
    assert (second["event"], second["workflow_id"]) == ("retried", "rollout/a/b/c")
    assert "timestamp" in second
