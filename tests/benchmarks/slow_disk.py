"""What if the disk takes its time? A file system whose every sync takes 2 ms longer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

SYNC_S = 0.002


class _SlowFile(apsw.VFSFile):
    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        super().xSync(flags)
        time.sleep(SYNC_S)


class _SlowDisk(apsw.VFS):
    def __init__(self) -> None:
        self._usual = apsw.vfs_names()[0]  # the default
        super().__init__("slow-disk", self._usual)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _SlowFile(self._usual, name, flags)


@contextmanager
def slow_disk() -> Iterator[None]:
    """Whatever is opened meanwhile lies on a disk that takes its time."""
    usual, disk = apsw.vfs_names()[0], _SlowDisk()
    apsw.set_default_vfs("slow-disk")
    try:
        yield
    finally:
        apsw.set_default_vfs(usual)
        disk.unregister()
