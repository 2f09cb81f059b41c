"""Which processes work beside the service? One keeps the view up, a few fold what takes long.

Whatever needs the interpreter for long is done in a process of its own, so that no request waits for another's fold.
Each reads from a pipe that nobody but the service holds: it ends when that does, however the service ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

import ledger
from ledger import errors
from ledger.errors import LedgerError, Unavailable

from .problems import NotYet, Overloaded
from .questions import Asked

LENGTH: Final = 4
"""Bytes, big-endian, that tell how long a message between the processes is."""
_ATTEMPTS: Final = 2
"""So often a question is put to a process: one may have been killed while it had nothing to do."""
_END_S: Final = 1.5
_AGAIN_S: Final = 1.0
_AGAIN_AT_MOST_S: Final = 60.0

_log: Final = logging.getLogger(__name__)


class Reply(msgspec.Struct, array_like=True):
    """What a worker says: the answer, or the name of an error and its message."""

    body: bytes = b""
    error: str = ""
    message: str = ""


class Keeper:
    """Has the view of a ledger kept up, by one process after the other where one ends before its time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends the process that keeps the view up."""
        await _cancelled(self._running)

    async def _run(self) -> None:
        pause_s = _AGAIN_S
        while True:
            began = time.monotonic()
            try:
                await self._keep_up()
            except OSError:  # the machine has no process or memory to spare, for a while
                _log.exception("no process could be started that keeps up the view of the board; trying again")
            if time.monotonic() - began > _AGAIN_AT_MOST_S:
                pause_s = _AGAIN_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _AGAIN_AT_MOST_S)

    async def _keep_up(self) -> None:
        """One process, from its beginning to its end. Raises OSError where none can be started."""
        process = await _started("keeper", self._path)
        try:
            await process.wait()
        finally:
            await _ended(process)


class Workers:
    """A few processes that answer questions, each one at a time; begun when they are first needed."""

    def __init__(self, path: str, *, count: int, waiting: int, within_s: float) -> None:
        self._path = path
        self._free = asyncio.Semaphore(count)
        self._idle: list[Process] = []
        self._most = count + waiting
        self._asked = 0
        self._within_s = within_s

    async def ask(self, question: Asked) -> bytes:
        """The answer of a worker.

        Raises Overloaded at once where too many wait, TimeoutError where it takes too long, Unavailable where no
        process can be started, and what the question raises.
        """
        if self._asked >= self._most:
            raise Overloaded
        self._asked += 1
        try:
            async with self._free:
                return await asyncio.wait_for(self._ask(question), self._within_s)
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """Ends the processes; nobody may ask any more."""
        while self._idle:
            await _ended(self._idle.pop())

    async def _ask(self, question: Asked) -> bytes:
        message = msgspec.msgpack.encode(question)
        for _ in range(_ATTEMPTS):
            process = await self._taken()
            try:
                told = await _exchanged(process, message)
            except (OSError, asyncio.IncompleteReadError):  # it was killed, before or meanwhile
                await _ended(process, at_once=True)
                continue
            except BaseException:  # it is in the middle of something
                await _ended(process, at_once=True)
                raise
            self._idle.append(process)
            return _told(told)
        raise LedgerError("the process that was to answer ended before its time; ask again")

    async def _taken(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            await _ended(process)
        try:
            return await _started("worker", self._path)
        except OSError as error:
            raise Unavailable("no process could be started that answers; ask again") from error


async def _exchanged(process: Process, message: bytes) -> Reply:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(len(message).to_bytes(LENGTH, "big") + message)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(LENGTH), "big")
    return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Reply)


def _told(told: Reply) -> bytes:
    if not told.error:
        return told.body
    if told.error == NotYet.__name__:
        raise NotYet(told.message)
    error = getattr(errors, told.error, LedgerError)
    raise error(told.message)


async def _started(module: str, path: str) -> Process:
    """Starts one of the service's modules; its standard input is the pipe whose end it ends with."""
    above = str(Path(ledger.__file__).parents[1])
    where = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", f"ledger.service.{module}", path),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "PYTHONPATH": where},
        start_new_session=True,  # a Ctrl-C is for the service, which ends them in its turn
    )


async def _ended(process: Process, *, at_once: bool = False) -> None:
    """Has a process end: by itself, else by force."""
    assert process.stdin is not None
    process.stdin.close()
    if process.returncode is None and not at_once:
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _END_S)
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
