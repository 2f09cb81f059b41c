"""What must an event look like to come in? The JSON Schema of intake, from the vocabulary itself."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any, Final

import click
import msgspec

from ledger import UsageError, scales
from ledger import events as ev

from . import render
from .options import in_format

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
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


@click.command("schema")
@click.argument("type_", metavar="[TYPE]", required=False)
@in_format("json", "ndjson")
def schema_command(form: str, type_: str | None) -> None:
    """The JSON Schema (2020-12) that a line for `claims append` must meet: of every event, or of one TYPE."""
    encoded = msgspec.json.encode(schema(type_))
    render.data(encoded if form == "ndjson" else msgspec.json.format(encoded, indent=2))


def schema(type_: str | None = None) -> dict[str, Any]:
    """The schema of one event type, or of all."""
    if type_ is not None and type_ not in ev.TYPES:
        raise UsageError(f"{type_!r} is no event type; there are {', '.join(ev.TYPES)}")
    wanted = [ev.TYPES[type_]] if type_ is not None else list(ev.TYPES.values())
    _, components = msgspec.json.schema_components(wanted)
    for tag, cls in ev.TYPES.items():
        if cls in wanted:
            _as_taken_in(components[cls.__name__], tag)
    whole: dict[str, Any] = {"$schema": _DIALECT}
    if type_ is not None:
        own = components.pop(wanted[0].__name__)
        return {**whole, **own, "$defs": _at_defs(components)} if components else {**whole, **own}
    refs = [{"$ref": f"#/$defs/{cls.__name__}"} for cls in wanted]
    return {**whole, "title": "Event", "oneOf": refs, "$defs": _at_defs(components)}


def _at_defs(components: dict[str, Any]) -> dict[str, Any]:
    for component in components.values():
        component["description"] = cleandoc(component["description"])
    if "Likelihood" in components:
        components["Likelihood"]["anyOf"] = _BAND
    return dict(sorted(components.items()))


def _as_taken_in(component: dict[str, Any], tag: str) -> None:
    properties = component["properties"]
    properties["type"] = {"const": tag}
    component["description"] = cleandoc(component["description"])
    component["properties"] = {"type": properties.pop("type"), **_ENVELOPE, **properties}
    component["required"] = ["type", *(name for name in component.get("required", ()) if name != "type")]
    component["additionalProperties"] = False
    for name in _SET:
        if name in properties:
            properties[name]["uniqueItems"] = True
    if "changes" in properties:
        properties["changes"]["propertyNames"] = {"not": {"const": "type"}}
    if tag in _EITHER:
        component["anyOf"] = _EITHER[tag]
