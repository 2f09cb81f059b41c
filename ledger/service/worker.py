"""Who folds what takes long beside a service? This process: a question comes in, its answer goes out, one by one."""

from __future__ import annotations

import os
import queue
import sys
import threading

import msgspec

from ledger import Ledger
from ledger.errors import LedgerError

from .keeper import lower_priority
from .problems import NotYet
from .processes import LENGTH, Reply
from .questions import Asked
from .readers import Readers


def main() -> None:
    """Answers for the ledger at the path until standard input ends."""
    lower_priority(10)
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(waiting,), daemon=True).start()
    with Ledger.open(sys.argv[1], read_only=True, create=False) as ledger:
        readers = Readers(ledger, kept=True)
        while True:
            question: Asked = msgspec.msgpack.decode(waiting.get(), type=Asked)
            _say(msgspec.msgpack.encode(_answered(readers, question)))


def _answered(readers: Readers, question: Asked) -> Reply:
    try:
        return Reply(question.answer(readers))
    except (LedgerError, NotYet) as error:
        return Reply(error=type(error).__name__, message=str(error))


def _take_in(waiting: queue.SimpleQueue[bytes]) -> None:
    """Reads questions; ends the process, whatever it is at, when there can be no more."""
    while length := _read(LENGTH):
        waiting.put(_read(int.from_bytes(length, "big")))
    os._exit(0)


def _read(length: int) -> bytes:
    """So many bytes of standard input; none where it has ended. Unbuffered: whoever ends needs no lock of this one."""
    found = b""
    while len(found) < length and (more := os.read(0, length - len(found))):
        found += more
    return found if len(found) == length else b""


def _say(message: bytes) -> None:
    sys.stdout.buffer.write(len(message).to_bytes(LENGTH, "big") + message)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
