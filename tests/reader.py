"""Somebody who reads the pages of a service with a browser, and what they read there."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx
import pytest

from ledger import Ledger
from ledger.cli import main as cli
from ledger.service import Service, application

HERE = "http://localhost"


class Text(HTMLParser):
    """What a reader reads."""

    def __init__(self, page):
        super().__init__()
        self.parts = []
        self.feed(page)
        self.close()

    def handle_data(self, data):
        self.parts.append(data)

    @property
    def whole(self):
        return " ".join(" ".join(self.parts).split())


class Reader:
    """Somebody with a browser."""

    def __init__(self, ledger):
        self.service = Service(ledger)
        self._app = application(self.service)

    def ask(self, method, url, **rest):
        async def asking():
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                return await client.request(method, url, **rest)

        return asyncio.run(asking())

    def get(self, url, **headers):
        return self.ask("GET", url, headers=headers)

    def post(self, url, fields, **headers):
        told = {"content-type": "application/x-www-form-urlencoded", "origin": HERE, **headers}
        body = urlencode(fields) if isinstance(fields, Mapping) else fields
        return self.ask("POST", url, content=body, headers=told)

    def text(self, url):
        return Text(self.get(url).text).whole

    def seal(self):
        return re.search(r'name="seal" value="(\w+)"', self.get("/append").text)[1]


@pytest.fixture(scope="module")
def article(seeds, tmp_path_factory):
    """A file with the seed article, not to be written to."""
    path = tmp_path_factory.mktemp("article") / "seed.db"
    for file in sorted(seeds.glob("[0-9]*.ndjson")):
        with pytest.raises(SystemExit, match="0"):
            cli(["append", "--db", str(path), str(file)])
    return path


@pytest.fixture
def seeded(article, tmp_path):
    """The seed article, for one test alone."""
    with Ledger.open(shutil.copy(article, tmp_path)) as ledger:
        yield ledger


@pytest.fixture
def reader(seeded):
    reader = Reader(seeded)
    yield reader
    reader.service.close()


@pytest.fixture
def empty():
    with Ledger.open(":memory:") as ledger:
        reader = Reader(ledger)
        yield reader
        reader.service.close()
