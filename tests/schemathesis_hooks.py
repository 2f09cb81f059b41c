"""What must schemathesis be told that OpenAPI has no words for?"""

from __future__ import annotations

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> dict[str, bytes]:
    """NDJSON is a value of the array a line; what is no array stands on a line of its own."""
    values = value if isinstance(value, list) else [value]
    return {"data": b"\n".join(json.dumps(one).encode() for one in values)}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Two parameters exclude each other: nothing can be expected of what is only checked."""
    if case.method == "POST" and str((case.query or {}).get("dry_run")).lower() == "true":
        case.query.pop("expected", None)
