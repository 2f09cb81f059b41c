"""What if the disk takes its time? A file system whose every sync takes 2 ms longer, and which is else as fast as ever.

A file system in Python would be asked for every page, and have every page wait for the interpreter. So this hangs
itself into the one that SQLite brings, by its C interface (https://sqlite.org/c3ref/vfs.html,
https://sqlite.org/c3ref/io_methods.html), and into nothing but the syncing of files that are opened meanwhile.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw

SYNC_S = 0.002

_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, all of it, to be copied."""

    _fields_ = (
        ("iVersion", ctypes.c_int),
        *((name, ctypes.c_void_p) for name in ("xClose", "xRead", "xWrite", "xTruncate")),
        ("xSync", _SYNC),
        *((f"other_{place}", ctypes.c_void_p) for place in range(13)),
    )


class _File(ctypes.Structure):
    """The part of `sqlite3_file` that every file has."""

    _fields_ = (("pMethods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    """The beginning of `sqlite3_vfs`."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("iVersion", "szOsFile", "mxPathname")),
        *((name, ctypes.c_void_p) for name in ("pNext", "zName", "pAppData")),
        ("xOpen", _OPEN),
    )


class _SlowDisk:
    """Has the files that a VFS opens take their time; what they were made to do is kept for as long as this is."""

    def __init__(self, vfs: _Vfs) -> None:
        self._usual = _OPEN(ctypes.cast(vfs.xOpen, ctypes.c_void_p).value)
        self._methods: dict[int, tuple[_Methods, Any]] = {}  # by the address of the usual ones

    def open(self, vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code = self._usual(vfs, name, file, flags, out)
        opened = _File.from_address(file)
        if code == apsw.SQLITE_OK and opened.pMethods:
            opened.pMethods = ctypes.pointer(self._slowed(opened.pMethods.contents))
        return code

    def _slowed(self, usual: _Methods) -> _Methods:
        at = ctypes.addressof(usual)
        if at not in self._methods:
            sync = _SYNC(ctypes.cast(usual.xSync, ctypes.c_void_p).value)

            def slowly(file: int, flags: int) -> int:
                code = sync(file, flags)
                time.sleep(SYNC_S)
                return code

            slowed = _Methods.from_buffer_copy(usual)
            slowed.xSync = _SYNC(slowly)
            self._methods[at] = slowed, slowed.xSync
        return self._methods[at][0]


@contextmanager
def slow_disk() -> Iterator[None]:
    """Whatever is opened meanwhile lies on a disk that takes its time."""
    with TemporaryDirectory() as folder, closing(apsw.Connection(str(Path(folder, "any.db")))) as any_file:
        at = ctypes.c_void_p()
        any_file.file_control("main", apsw.SQLITE_FCNTL_VFS_POINTER, ctypes.addressof(at))
    vfs = _Vfs.from_address(at.value)
    disk = _SlowDisk(vfs)
    usual, vfs.xOpen = _OPEN(ctypes.cast(vfs.xOpen, ctypes.c_void_p).value), _OPEN(disk.open)
    try:
        yield
    finally:
        vfs.xOpen = usual
