"""Is the API described as it is: to programs by OpenAPI, to people by pages that need no script?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from starlette.testclient import TestClient

from ledger import Ledger, schema
from ledger.events import TYPES
from ledger.service import Service, application, openapi
from ledger.service.app import OPERATIONS
from ledger.service.explanations import EXPLANATIONS
from ledger.service.operations import Answer, Body, Operation, Parameter, template
from ledger.service.problems import KINDS
from ledger.service.reference import Reference
from ledger.story import seeds, told


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with told(":memory:") as ledger:
        service = Service(ledger)
        with TestClient(application(service)) as client:
            yield client
        service.close()


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def holds(document: dict[str, Any], name: str, value: Any) -> list[str]:
    """What a component of the description has against a value."""
    registry = Registry().with_resource("urn:api", Resource.from_contents(document, default_specification=DRAFT202012))
    validator = Draft202012Validator({"$ref": f"urn:api#/components/schemas/{name}"}, registry=registry)
    return [error.message for error in validator.iter_errors(value)]


# -- for programs ------------------------------------------------------------------------------------------------------


def test_the_description_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())


def test_every_operation_of_the_table_is_described(document: dict[str, Any]) -> None:
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(one.method, template(one.path)) for one in OPERATIONS}
    ids = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(ids) == len(set(ids))


def test_every_parameter_of_a_path_is_described() -> None:
    for one in OPERATIONS:
        in_path = {parameter.name for parameter in one.parameters if parameter.place == "path"}
        assert set(re.findall(r"{(\w+)}", template(one.path))) == in_path, one.path


@pytest.mark.parametrize("tag", TYPES)
def test_an_event_is_described_as_the_command_describes_it(document: dict[str, Any], tag: str) -> None:
    name = TYPES[tag].__name__
    printed = schema.schema(tag)
    described = document["components"]["schemas"][name]
    assert document["components"]["schemas"]["Event"]["discriminator"]["mapping"][tag].endswith(f"/{name}")
    assert described["additionalProperties"] is False
    assert described["description"] == printed["description"]
    fields = json.loads(json.dumps(printed["properties"]).replace("#/$defs/", "#/components/schemas/"))
    assert described["properties"] == {key: value for key, value in fields.items() if key != "recorded_by"}


def test_the_events_of_the_article_are_events(document: dict[str, Any]) -> None:
    lines = (seeds() / "20-acts.ndjson").read_bytes().splitlines()
    assert len(lines) > 10
    for line in lines:
        assert not holds(document, "Event", json.loads(line))
        assert holds(document, "Event", json.loads(line) | {"rumour": True})


def test_the_records_of_the_article_are_records(document: dict[str, Any]) -> None:
    with told(":memory:") as ledger:
        for position, stored in ledger.stored():
            record = {"position": position, **json.loads(stored)}
            assert not holds(document, "Record", record)
            later = record | {"event": record["event"] | {"of_a_later_version": 1}}
            assert not holds(document, "Record", later)
            assert holds(document, "Record", record | {"event": record["event"] | {"type": "rumour"}})


def test_every_example_of_an_answer_is_one(document: dict[str, Any]) -> None:
    shown = 0
    for methods in document["paths"].values():
        for one in methods.values():
            for response in one["responses"].values():
                for content in response.get("content", {}).values():
                    examples = [content["example"]] if "example" in content else []
                    examples += [example["value"] for example in content.get("examples", {}).values()]
                    for example in examples:
                        shown += 1
                        if "$ref" in content["schema"]:
                            assert not holds(document, content["schema"]["$ref"].rpartition("/")[2], example)
                        else:
                            assert not holds(document, "Problem", example)
    assert shown > 20


def test_what_is_answered_is_what_was_described(document: dict[str, Any], client: TestClient) -> None:
    assert not holds(document, "Status", client.get("/v1/claims/kn23-teams").json())
    assert not holds(document, "Provenance", client.get("/v1/claims/kn23-teams/provenance").json())
    assert not holds(document, "Problem", client.get("/v1/claims/nobody-said-so").json())


@pytest.mark.parametrize("path", ["/v1/claims", "/v1/sources", "/v1/events"])
def test_a_page_may_be_as_long_as_is_described_and_no_longer(
    document: dict[str, Any], client: TestClient, path: str
) -> None:
    (limit,) = (one["schema"] for one in document["paths"][path]["get"]["parameters"] if one["name"] == "limit")
    for ask, status in ((limit["minimum"], 200), (limit["maximum"], 200), (0, 400), (limit["maximum"] + 1, 400)):
        assert client.get(path, params={"limit": ask}).status_code == status


def test_every_type_of_problem_may_come_from_somewhere() -> None:
    told = {kind.name for one in OPERATIONS for kind in openapi.problems_of(one)}
    assert told == KINDS.keys() - {"no-such-method"}, "a method that is none is asked of no operation"


def test_an_operation_tells_all_it_takes_and_may_answer() -> None:
    one = Operation(
        method="POST",
        path="/v1/claims/{claim:path}/things",
        handler=lambda request: None,  # type: ignore[arg-type, return-value]
        about="Adds things.\n\nMany at a time.",
        answer={"type": "object"},
        scope="curate",
        parameters=(
            Parameter(name="claim", place="path", about="A claim."),
            Parameter(name="tag", about="A tag.", many=True),
        ),
        body=Body(about="Things.", media={"application/json": {"type": "array"}}, examples=([1],)),
        answers=(Answer(about="Added.", status=201), Answer(about="The same in lines.", media="application/x-ndjson")),
        problems=("id-reused",),
    )
    described = openapi.document([one])["paths"]["/v1/claims/{claim}/things"]["post"]
    assert (described["summary"], described["description"]) == ("Adds things", "Many at a time.")
    assert described["operationId"] == "post_claims_claim_things"
    assert described["security"] == [{"bearer": ["curate"]}]
    assert described["parameters"][0]["required"]
    assert described["parameters"][1]["schema"] == {"type": "array", "items": {"type": "string"}}
    assert described["requestBody"]["content"]["application/json"]["examples"]["example-1"]["value"] == [1]
    assert set(described["responses"]["200"]["content"]) == {"application/json", "application/x-ndjson"}
    assert {"201", "400", "404", "409", "500"} <= set(described["responses"])


def test_whoever_has_the_description_is_not_sent_it_again(client: TestClient) -> None:
    etag = client.get("/openapi.json").headers["etag"]
    again = client.get("/openapi.json", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


# -- for people --------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What is in a page: its elements, its links, the places links may lead to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


PATHS = ["/reference", "/problems/", *(f"/problems/{name}" for name in KINDS)]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_holds_no_script_and_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    page = Page(answer.text)
    assert not {"script", "style", "iframe", "img"} & set(page.elements)
    assert not {name for name in page.attributes if name.startswith("on") or name == "style"}
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in page.links)
    assert page.elements.count("h1") == 1
    assert len(page.ids) == len(set(page.ids))


def test_what_is_told_is_text_whatever_it_looks_like() -> None:
    about = "Makes <b>bold</b> and `<i>code</i>`.\n\nAnd <script>more</script>, `<u>`."
    one = Operation(
        method="GET",
        path="/v1/<s>things</s>",
        handler=lambda request: None,  # type: ignore[arg-type, return-value]
        about=about,
        answer={"type": "object", "description": "<em>"},
        parameters=(Parameter(name="<tt>", about="<q>", schema={"enum": ["<kbd>"]}, example="<var>"),),
    )
    page = Page(Reference((one,)).page("reference.html").decode())
    assert not {"b", "script", "u", "s", "em", "tt", "q", "kbd", "var"} & set(page.elements)
    assert "<i>code</i>" in page.text
    assert "<script>more</script>" in page.text


def test_every_link_of_the_reference_leads_somewhere(client: TestClient) -> None:
    page = Page(client.get("/reference").text)
    for link in set(page.links):
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        elif link != "/":
            assert client.get(link).status_code == 200, link


def test_the_reference_tells_of_every_operation_and_every_event(client: TestClient, document: dict[str, Any]) -> None:
    page = Page(client.get("/reference").text)
    assert {one["operationId"] for methods in document["paths"].values() for one in methods.values()} <= set(page.ids)
    assert {f"type-{cls.__name__}" for cls in TYPES.values()} <= set(page.ids)


@pytest.mark.parametrize("name", KINDS)
def test_a_problem_says_what_it_means_shows_one_and_says_what_to_do(client: TestClient, name: str) -> None:
    kind, told = KINDS[name], EXPLANATIONS[name]
    page = Page(client.get(f"/problems/{name}").text)
    for said in (kind.title, told.means, kind.about):
        assert said.replace("`", "") in page.text
    example, _ = json.JSONDecoder().raw_decode(page.text, page.text.index("{"))
    assert example["type"] == f"/problems/{name}"


def test_the_type_of_a_problem_is_its_page(client: TestClient) -> None:
    problem = client.get("/v1/claims/nobody-said-so").json()
    assert problem["title"] in client.get(problem["type"]).text


def test_there_is_no_page_of_a_problem_that_is_none(client: TestClient) -> None:
    answer = client.get("/problems/%3Cb%3E")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_look_of_the_pages_is_kept_for_good(client: TestClient) -> None:
    (link,) = {link for link in Page(client.get("/problems/").text).links if ".css" in link}
    answer = client.get(link)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]


def test_a_page_that_was_had_is_not_sent_again(client: TestClient) -> None:
    etag = client.get("/reference").headers["etag"]
    assert client.get("/reference", headers={"If-None-Match": etag}).status_code == 304


def test_an_empty_ledger_is_described_all_the_same() -> None:
    with Ledger.open(":memory:") as ledger:
        service = Service(ledger)
        assert TestClient(application(service)).get("/openapi.json").status_code == 200
        service.close()
