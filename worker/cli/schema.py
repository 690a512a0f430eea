"""`serinus schema`: the JSON Schema of all kinds, for editors that complete and check."""

import json

from worker.cli.output import say
from workflows.model.schema import json_schema


def schema() -> int:
    """Print the JSON Schema of all kinds of manifest."""
    say(json.dumps(json_schema(), indent=2))
    return 0
