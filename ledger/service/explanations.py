"""What does a type of problem mean, and what does one look like? For the description of the API, and for its page."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from .problems import NOT_ANSWERED, Kind, type_of


class Explanation(Struct, frozen=True):
    """What a type of problem means, and what one of them may say."""

    means: str
    detail: str
    more: dict[str, Any] = {}


def example(kind: Kind, path: str) -> dict[str, Any]:
    """One of these problems, as it may come from a path."""
    told = EXPLANATIONS[kind.name]
    return {
        "type": type_of(kind.name),
        "title": kind.title,
        "status": kind.status,
        "detail": told.detail,
        "instance": path,
        "request_id": "5902f347821346bb00000001",
        **told.more,
    }


EXPLANATIONS: Final[dict[str, Explanation]] = {
    "usage": Explanation(
        "A parameter is unknown, comes twice, or has a value that is none, whatever the ledger holds; or a "
        "cut lies past the last position.",
        "limit: '0' is no number from 1 to 1,000",
    ),
    "not-json": Explanation(
        "The body could not be split into events: it breaks off, nests too deeply, or is not UTF-8. Nothing "
        "was written.",
        "JSON is malformed: expected ',' (byte 17)",
    ),
    "unauthorized": Explanation(
        "Tokens were made for this ledger, and the request showed none, or one that does not hold: mistyped, "
        "or revoked.",
        "this takes a token; none was shown",
    ),
    "forbidden": Explanation(
        "The token holds, but is good for less than this takes. Reading takes `read`, what was said takes "
        "`append`, what settles what the record makes of it takes `curate`.",
        "an event of type ruling_recorded takes the scope 'curate'",
        {"scope": "curate"},
    ),
    "elsewhere": Explanation(
        "A browser says that a page of another origin sent this. Such a page could write in the name of "
        "whoever looks at it.",
        "a page of https://elsewhere.example may not write here",
    ),
    "not-found": Explanation(
        "No claim, source or event of this id was recorded by then, or there is nothing at this path. At an "
        "earlier `as_of` a claim may not have been registered yet.",
        "no claim 'kn23-team' is registered as of position 63",
    ),
    "no-such-method": Explanation(
        "There is something at this path, but it is asked by another method.",
        "PUT is not asked here",
    ),
    "too-slow": Explanation(
        "The body was not there when its time was up. Nothing was written.",
        "the body did not come in time",
    ),
    "id-reused": Explanation(
        "An event with this id was recorded before, with other content or by somebody else. The same event "
        "again would have been a replay.",
        "id 'A10' is taken by another event, at position 52",
        {"positions": [52]},
    ),
    "another-ledger": Explanation(
        "The id of the last event names a place in another ledger, so nobody can tell what came after it.",
        "this place is another ledger's",
    ),
    "overtaken": Explanation(
        "Something about the same claims was appended after the position that `expected` gave. Nothing was written.",
        "position 64 came after the expected 63",
        {"positions": [64], "head": 64},
    ),
    "too-large": Explanation(
        "The body has more bytes than the service takes; the rest was not read, and nothing was written.",
        "a body has 16,777,216 bytes at most",
    ),
    "too-long": Explanation(
        "Path and query together have more characters than the service takes.",
        "an address has 8,192 characters at most",
    ),
    "media-type": Explanation(
        "`Content-Type` is missing or another than events come in, or the body is compressed. Nothing was written.",
        "events come as application/json or application/x-ndjson, not as text/plain",
    ),
    "misdirected": Explanation(
        "Without tokens the service answers whoever is on this machine, and only under a name of this "
        "machine: a page elsewhere could give it one of its own.",
        "this service is not desk.example",
    ),
    "refused": Explanation(
        "The events are well formed, but a rule of the ledger forbids one: a stranger's retraction, a second "
        "principal, a claim that is not registered.",
        "1 bad event, and nothing was written; at /0: claim 'snow' is not registered",
        {
            "errors": [
                {"index": 0, "pointer": "/0", "detail": "claim 'snow' is not registered", "type": "/problems/not-found"}
            ]
        },
    ),
    "invalid-event": Explanation(
        "A field is missing, unknown, given twice, or has a value it cannot have; each is pointed at (RFC "
        "6901). Nothing was written.",
        "1 bad event, and nothing was written; at /0/chain: required",
        {"errors": [{"index": 0, "pointer": "/0/chain", "detail": "required", "type": "/problems/invalid-event"}]},
    ),
    "busy": Explanation(
        "More waits to be appended than the service lets wait, or one caller asks too often. Nothing was written.",
        "1,000 batches wait to be appended",
    ),
    "integrity": Explanation(
        "The file is damaged, was written by a later version of this package, or is no ledger. It was left untouched.",
        NOT_ANSWERED,
    ),
    "failure": Explanation(
        "Nobody foresaw this. The log has the whole of it, under the `request_id` of the answer.",
        NOT_ANSWERED,
    ),
    "not-ready": Explanation(
        "The ledger cannot be read or appended to at the moment, or its view is far behind.",
        "claims.db has been locked by another process for 1 s; repeat when that has ended",
    ),
    "not-yet": Explanation(
        "The ledger or its view has not come to the position that was waited for, or too much is asked at once.",
        "the view has not come to position 64; ask again",
    ),
    "too-many-streams": Explanation(
        "As many clients follow the stream as the service lets.",
        "1,000 clients listen already",
    ),
}
SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "What went wrong (RFC 9457); `type` is a page that explains it.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "description": "Every bad event of a batch: its place, where it is bad (RFC 6901), and why.",
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer", "minimum": 0},
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                    "type": {"type": "string", "format": "uri-reference"},
                },
                "required": ["index", "pointer", "detail", "type"],
            },
        },
        "positions": {
            "description": "What came in between, or has the id.",
            "type": "array",
            "items": {"type": "integer", "minimum": 1},
        },
        "head": {
            "description": "The last position that was looked at for what came in between; may be `expected` next.",
            "type": "integer",
            "minimum": 0,
        },
        "lag": {"description": "Positions the view is behind.", "type": "integer"},
        "scope": {"description": "What a token must be good for.", "type": "string"},
    },
    "required": ["type", "title", "status", "detail", "instance"],
}
