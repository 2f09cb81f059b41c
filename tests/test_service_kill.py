"""What if the service is killed while many append? Whatever it acknowledged is there, once, at its position."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from served import Server, serving

from ledger import Ledger

WRITERS = 16
HEADERS = {"content-type": "application/json"}


class Writer(threading.Thread):
    """Appends one small batch after the other until nobody answers; keeps what was acknowledged."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__()
        self.acknowledged: dict[str, int] = {}
        self._server = server
        self._id = name

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=20)
        number = 0
        try:
            while True:
                batch = [statement(f"{self._id}-{number + place}") for place in range(1 + number % 3)]
                number += len(batch)
                connection.request("POST", "/v1/events?register=true", json.dumps(batch), HEADERS)
                answer = connection.getresponse()
                receipts = json.loads(answer.read())["receipts"]
                assert answer.status == 201
                self.acknowledged.update((one["id"], one["position"]) for one in receipts)
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()


def statement(event_id: str) -> dict[str, Any]:
    chain = [{"name": "Ana Ruiz", "kind": "person"}]
    return {"type": "statement", "claims": ["dam-leaks"], "chain": chain, "id": event_id}


@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.slow)])
def test_what_was_acknowledged_before_a_kill_is_there_once(tmp_path: Path, rounds: int) -> None:
    db, random = tmp_path / "claims.db", Random(rounds)
    acknowledged: dict[str, int] = {}
    for number in range(rounds):
        with serving(db) as server:
            writers = [Writer(server, f"{number}-{writer}") for writer in range(WRITERS)]
            for writer in writers:
                writer.start()
            threading.Event().wait(random.uniform(0.05, 0.6))
            server.process.kill()
            for writer in writers:
                writer.join()
                acknowledged |= writer.acknowledged
        with Ledger.open(db) as ledger:
            stored = [(record.id, record.position) for record in ledger.events(types=["statement"])]
        assert not [one for one, times in Counter(event_id for event_id, _ in stored).items() if times > 1]
        assert acknowledged.items() <= dict(stored).items()
    assert len(acknowledged) > rounds * WRITERS / 4
