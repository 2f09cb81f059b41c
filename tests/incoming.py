"""Events as JSON, read or refused: what tests of what comes in share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger import (
    InvalidEvent,
    Link,
    intake,
)

ANN = {"name": "Ann", "kind": "person"}
STATEMENT: dict[str, Any] = {"type": "statement", "claims": ["x"], "chain": [ANN]}
ASSESSMENT: dict[str, Any] = {"type": "assessment", "claims": ["x"], "chain": [ANN]}
DENIAL: dict[str, Any] = {"type": "denial", "claims": ["x"], "chain": [ANN]}
AMENDMENT: dict[str, Any] = {"type": "record_amended", "target": "a", "why": "a slip"}
EVIDENCE: dict[str, Any] = {"type": "evidence_attached", "claims": ["x"]}
RECORD: dict[str, Any] = {
    "id": "a",
    "recorded_at": "2024-10-11T00:00:00.000000Z",
    "recorded_by": "the desk",
    "event": STATEMENT,
}

BIG = "9" * 5_000
PEOPLE = (Link(name="Ann", kind="person"),)


def line(fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()


def read(fields: object) -> Any:
    return intake.entry(line(fields)).event


def refusal(data: bytes) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        intake.entry(data)
    return caught.value


def refused(fields: object) -> InvalidEvent:
    return refusal(line(fields))


def refused_event(event: Any) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        intake.normalise(event)
    return caught.value


def assert_says(error: InvalidEvent, pointer: str, *parts: str) -> None:
    """What, where, and what to do: all three stand in the message, and the pointer stands in front."""
    assert error.pointer == pointer
    assert str(error) == (f"{pointer}: {error.reason}" if pointer else error.reason)
    for part in parts:
        assert part in str(error)


def weighed(**likelihood: object) -> dict[str, Any]:
    return ASSESSMENT | {"likelihood": likelihood}
