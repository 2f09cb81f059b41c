"""What must an event look like to come in? The JSON Schema of intake, from the vocabulary itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec

from . import events as ev
from . import scales
from .errors import UsageError
from .events import Event

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ENVELOPE: Final = {
    "id": {
        "description": "The event's id; the ledger gives a UUIDv7 where it is left out.",
        "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "null"}],
    },
    "recorded_by": {
        "description": "Who records it; the ledger's own name stands where it is left out.",
        "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, {"type": "null"}],
    },
}
_SET: Final = ("claims", "possible_claims", "acts")
#: What intake asks beyond the fields themselves.
_EITHER: Final[dict[str, list[dict[str, Any]]]] = {
    "denial": [
        {"required": ["claims"], "properties": {"claims": {"minItems": 1}}},
        {"required": ["acts"], "properties": {"acts": {"minItems": 1}}},
    ],
    "assessment": [
        {"required": ["likelihood"], "properties": {"likelihood": {"type": "object"}}},
        {"required": ["verdict"], "properties": {"verdict": {"type": "string"}}},
    ],
    "evidence_attached": [
        {"required": ["claims"], "properties": {"claims": {"minItems": 1}}},
        {"required": ["act"], "properties": {"act": {"type": "string"}}},
    ],
}
#: A term of a named scale brings its band; any other is given one.
_BAND: Final[list[dict[str, Any]]] = [
    {"required": ["scale"], "properties": {"scale": {"enum": list(scales.SCALES)}}},
    {"required": ["low", "high"], "properties": {"low": {"type": "number"}, "high": {"type": "number"}}},
]


def schema(type_: str | None = None) -> dict[str, Any]:
    """The schema of one event type, or of all. Raises UsageError for what is no type."""
    if type_ is not None and type_ not in ev.TYPES:
        raise UsageError(f"{type_!r} is no event type; there are {', '.join(ev.TYPES)}")
    wanted = [ev.TYPES[type_]] if type_ is not None else list(ev.TYPES.values())
    found = components(wanted)
    whole: dict[str, Any] = {"$schema": DIALECT}
    if type_ is not None:
        own = found.pop(wanted[0].__name__)
        return {**whole, **own, "$defs": found} if found else {**whole, **own}
    return {**whole, "title": "Event", "oneOf": one_of(wanted), "$defs": found}


def components(
    types: Sequence[type[Event]],
    envelope: Collection[str] = ("id", "recorded_by"),
    at: str = "#/$defs/{name}",
) -> dict[str, Any]:
    """What types of event must look like to come in, and all that they refer to `at` a place, by name.

    `envelope` are the fields that may stand beside the event's own.
    """
    _, found = msgspec.json.schema_components(types, ref_template=at)
    for component in found.values():
        component["description"] = cleandoc(component["description"])
    for cls in types:
        _as_taken_in(found[cls.__name__], ev.TAGS[cls], envelope)
    if "Likelihood" in found:
        found["Likelihood"]["anyOf"] = _BAND
    return dict(sorted(found.items()))


def one_of(types: Sequence[type[Event]], at: str = "#/$defs/{name}") -> list[dict[str, str]]:
    """References to the schemas of types of event."""
    return [{"$ref": at.format(name=cls.__name__)} for cls in types]


def _as_taken_in(component: dict[str, Any], tag: str, envelope: Collection[str]) -> None:
    properties = component["properties"]
    properties["type"] = {"const": tag}
    beside = {name: _ENVELOPE[name] for name in envelope}
    component["properties"] = {"type": properties.pop("type"), **beside, **properties}
    component["required"] = ["type", *(name for name in component.get("required", ()) if name != "type")]
    component["additionalProperties"] = False
    for name in _SET:
        if name in properties:
            properties[name]["uniqueItems"] = True
    if "changes" in properties:
        properties["changes"]["propertyNames"] = {"not": {"const": "type"}}
    if tag in _EITHER:
        component["anyOf"] = _EITHER[tag]
