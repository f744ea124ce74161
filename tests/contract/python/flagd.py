"""What flagd's own evaluator makes of flag files.

    python flagd.py FLAG FILE...

Prints one line a file: the people of many who get true, one letter each, and then what those without a key get.
"""

import json
import logging
import sys
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from openfeature import api  # noqa: E402
from openfeature.contrib.provider.flagd import FlagdProvider  # noqa: E402
from openfeature.contrib.provider.flagd.config import ResolverType  # noqa: E402
from openfeature.evaluation_context import EvaluationContext  # noqa: E402

FLAG, FILES = sys.argv[1], sys.argv[2:]
PEOPLE = 4000
KEYLESS = {
    "absent": EvaluationContext("somebody", {"other": "x"}),
    "empty": EvaluationContext("somebody", {"creator_id": ""}),
    "null": EvaluationContext("somebody", {"creator_id": None}),
    "alone": EvaluationContext(),
}
DEADLINE = 20


def get(client, default, context):
    return client.get_boolean_details(FLAG, default, context)


for path in FILES:
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path)
    api.set_provider(provider)
    client = api.get_client()
    end = time.monotonic() + DEADLINE
    while get(client, False, KEYLESS["absent"]).error_code is not None:
        assert time.monotonic() < end, get(client, False, KEYLESS["absent"])
        time.sleep(0.05)
    people = ""
    for number in range(PEOPLE):
        context = EvaluationContext(f"u{number}", {"creator_id": f"creator-{number}"})
        details = get(client, False, context)
        assert details.error_code is None, details
        people += "1" if details.value else "0"
    keyless = {}
    for name, context in KEYLESS.items():
        # An error would give the default: ask with both.
        given = {get(client, default, context).value for default in (False, True)}
        assert len(given) == 1, (name, given)
        keyless[name] = given.pop()
    print(json.dumps({"people": people, "keyless": keyless}))
    api.shutdown()
