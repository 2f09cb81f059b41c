"""What can be asked, for programs? OpenAPI 3.1, from the table of operations and the types that come in and go out.

The union of events stays what it is: one schema for each type, told apart by `type`, closed to fields it does not
know. What comes in (`Event`) and what was recorded (`Record`) are described apart: the first brings an id of its own
where it likes, the second may hold fields of a later version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from inspect import cleandoc
from typing import Any, Final

import msgspec

from ledger import events as ev
from ledger import schema

from . import examples, explanations, problems
from .operations import Answer, Operation, Parameter, template
from .problems import KINDS, Kind

_AT: Final = "#/components/schemas/{name}"
_EVENTS: Final = tuple(ev.TYPES.values())

_ABOUT: Final = """\
An event-sourced ledger of who said what about a claim: where it stands, why, and through whom every word came.

Two cuts go with most questions, both inclusive: `as_of` is what the ledger had recorded by then, `said_by` what had
been said in the world by then. The same question at the same position has the same bytes for ever; its ETag tells the
position. What goes wrong is a problem (RFC 9457) whose `type` is a page that explains it."""
_SECURITY: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `claims token create`. Where none was ever made, nobody on this machine needs one.",
    }
}
_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "ETag": {
        "description": "What the answer hangs on, to be sent as `If-None-Match`.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds until it is worth asking again.", "schema": {"type": "string"}},
    "X-Request-Id": {
        "description": "The id of the request: the one it brought, where that was harmless. The log has it too.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "WWW-Authenticate": {"description": "How to show who asks.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods there are.", "schema": {"type": "string"}},
}
_OF_STATUS: Final = {401: "WWW-Authenticate", 403: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}
#: Which problems come with what an operation takes, and with who may ask.
_BROUGHT_BY: Final[tuple[tuple[tuple[str, ...], Callable[[Operation], bool]], ...]] = (
    (("failure", "integrity", "not-ready", "misdirected", "too-long", "busy"), lambda _: True),
    (("usage",), lambda one: bool(one.parameters or one.body)),
    (("not-found",), lambda one: any(each.place == "path" or each.name == "as_of" for each in one.parameters)),
    (("not-yet",), lambda one: any(each.name == "wait_for" for each in one.parameters)),
    (("unauthorized", "forbidden"), lambda one: one.scope is not None),
    (("elsewhere",), lambda one: one.method != "GET"),
    (("not-json", "media-type", "too-large", "too-slow", "invalid-event", "refused"), lambda one: one.body is not None),
)
_IF_NONE_MATCH: Final = Parameter(
    name="If-None-Match", place="header", about="An ETag had before: 304 and no body where the answer is the same."
)


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The description of an API, as JSON has it; what is shown in it is about the seed article."""
    types, schemas = _schemas(operations)
    shown = examples.answers()
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(template(one.path), {})[one.method.lower()] = _operation(one, types, shown)
    told = {
        "openapi": "3.1.1",
        "info": {
            "title": "claim-ledger",
            "version": version("claim-ledger"),
            "summary": "Who said what about a claim, and where that leaves it.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "externalDocs": {"url": "/reference", "description": "The same, for people."},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(one) for one in operations)],
        "paths": paths,
        "components": {"schemas": schemas, "headers": _HEADERS, "securitySchemes": _SECURITY},
    }
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return found


def problems_of(operation: Operation) -> list[Kind]:
    """The problems an operation may answer with: its own, and those that come with what it takes and who may ask."""
    names = {name for names, brings in _BROUGHT_BY if brings(operation) for name in names}
    kinds = [kind for kind in KINDS.values() if kind.name in names.union(operation.problems)]
    return sorted(kinds, key=lambda kind: (kind.status, kind.name))


def _operation(one: Operation, types: dict[int, Any], shown: dict[Any, Any]) -> dict[str, Any]:
    summary, _, more = cleandoc(one.about).partition("\n")
    parameters = [*one.parameters, *([_IF_NONE_MATCH] if one.tagged else [])]
    return {
        "tags": [_tag(one)],
        "operationId": operation_id(one),
        "summary": summary.rstrip("."),
        **({"description": more.strip()} if more.strip() else {}),
        "parameters": [_parameter(parameter) for parameter in parameters],
        **({"requestBody": _body(one)} if one.body else {}),
        "responses": dict(sorted(_responses(one, types, shown))),
        "security": [{"bearer": [one.scope]}] if one.scope else [],
    }


def operation_id(operation: Operation) -> str:
    """`get_claim_history`: a name that is one for good."""
    words = [word.strip("{}") for word in template(operation.path).split("/") if word not in ("", "v1")]
    return "_".join([operation.method.lower(), *words]).replace(".", "_")


def _tag(one: Operation) -> str:
    parts = template(one.path).split("/")
    return parts[2] if parts[1] == "v1" else "operations"


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "description": one.about,
        "required": one.required or one.place == "path",
        "schema": {"type": "array", "items": one.schema} if one.many else one.schema,
        **({"example": one.example} if one.example is not None else {}),
    }


def _body(one: Operation) -> dict[str, Any]:
    assert one.body is not None
    examples = {f"example-{n}": {"value": value} for n, value in enumerate(one.body.examples, 1)}
    content = {
        media: {"schema": body, **({"examples": examples} if examples else {})}
        for media, body in one.body.media.items()
    }
    return {"description": one.body.about, "required": True, "content": content}


def _responses(one: Operation, types: dict[int, Any], shown: dict[Any, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """What comes back, by status."""
    first = Answer(about="The answer.", type=one.answer, media=one.media)
    well: dict[int, list[Answer]] = {}
    for answer in (first, *one.answers):
        well.setdefault(answer.status, []).append(answer)
    for status, answers in well.items():
        content = {answer.media: _content(answer.type, types, shown) for answer in answers}
        yield str(status), _response(" ".join(answer.about for answer in answers), content, one.tagged)
    if one.tagged:
        yield "304", _response("Nothing has changed since the ETag that was sent.", {}, tagged=True)
    kinds: dict[int, list[Kind]] = {}
    for kind in problems_of(one):
        kinds.setdefault(kind.status, []).append(kind)
    for status, of in kinds.items():
        yield str(status), _problem(status, of, one)


def _response(about: str, content: dict[str, Any], tagged: bool) -> dict[str, Any]:
    names = ["X-Request-Id", *(["ETag"] if tagged else [])]
    return {"description": about, "headers": _headers(names), **({"content": content} if content else {})}


def _problem(status: int, kinds: Sequence[Kind], one: Operation) -> dict[str, Any]:
    types = [problems.type_of(kind.name) for kind in kinds]
    shape = {
        "allOf": [
            {"$ref": _AT.format(name="Problem")},
            {"properties": {"type": {"enum": types}, "status": {"const": status}}},
        ]
    }
    path = template(one.path)
    shown = {kind.name: {"summary": kind.title, "value": explanations.example(kind, path)} for kind in kinds}
    names = ["X-Request-Id", *([_OF_STATUS[status]] if status in _OF_STATUS else [])]
    return {
        "description": "; ".join(f"{kind.title} (`{kind.name}`)" for kind in kinds) + ".",
        "headers": _headers(names),
        "content": {problems.MEDIA_TYPE: {"schema": shape, "examples": shown}},
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _content(answer: Any, types: dict[int, Any], shown: dict[Any, Any]) -> dict[str, Any]:
    if answer is None or isinstance(answer, dict):
        return {"schema": answer or {"type": "string"}}
    example = shown.get(answer)
    return {"schema": types[id(answer)], **({"example": example} if example is not None else {})}


def _schemas(operations: Sequence[Operation]) -> tuple[dict[int, Any], dict[str, Any]]:
    """The schema of each type of answer, and all that these refer to, by name."""
    answers = [answer for one in operations for answer in (one.answer, *(more.type for more in one.answers))]
    wanted = [answer for answer in answers if answer is not None and not isinstance(answer, dict)]
    described, found = msgspec.json.schema_components(wanted, ref_template=_AT)
    for component in found.values():
        if "description" in component:
            component["description"] = cleandoc(component["description"])
    shared = {"Event": _union("Event", _EVENTS), **schema.components(_EVENTS, ("id",), _AT), **_record()}
    shared["Problem"] = explanations.SCHEMA
    # A record in an answer is the Record described here, not what its class alone can tell.
    return dict(zip(map(id, wanted), described, strict=True)), dict(sorted((found | shared).items()))


def _union(title: str, types: Iterable[type[ev.Event]], prefix: str = "") -> dict[str, Any]:
    """One of the types of event, told apart by `type`."""
    refs = {ev.TAGS[cls]: _AT.format(name=prefix + cls.__name__) for cls in types}
    return {
        "title": title,
        "description": "An event of any type; `type` tells which.",
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "type", "mapping": refs},
    }


def _record() -> dict[str, Any]:
    """What a record is: an event in the envelope in which it was stored."""
    _, found = msgspec.json.schema_components(_EVENTS, ref_template=_AT)
    told: dict[str, Any] = {}
    for cls in _EVENTS:
        component = found[cls.__name__]
        component["description"] = cleandoc(component["description"])
        component["properties"]["type"] = {"const": ev.TAGS[cls]}
        component.pop("additionalProperties", None)  # a later version may have recorded more
        told[f"Recorded{cls.__name__}"] = component
    return told | {
        "RecordedEvent": _union("RecordedEvent", _EVENTS, "Recorded"),
        "Record": {
            "title": "Record",
            "description": "An event as it was stored: when it was recorded, by whom, under which id.",
            "type": "object",
            "properties": {
                "position": {"type": "integer", "minimum": 1},
                "id": {"type": "string"},
                "recorded_at": {"type": "string", "format": "date-time"},
                "recorded_by": {"type": "string"},
                "event": {"$ref": _AT.format(name="RecordedEvent")},
            },
            "required": ["position", "id", "recorded_at", "recorded_by", "event"],
        },
    }
