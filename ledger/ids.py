"""What is the id of an event that brings none? A UUIDv7, so that ids sort as they were made."""

from __future__ import annotations

import os
import threading


class Ids:
    """UUIDv7 (RFC 9562): ids that sort as they were made, so that their index grows at one end. For any thread."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._last = 0
        self._random = b""

    def __call__(self, now_us: int) -> str:
        """The next id, made at a moment in microseconds since 1970-01-01T00:00:00Z."""
        with self._making:
            if not self._random:
                self._random = os.urandom(9 * 64)  # the system is asked for many at once
            random, self._random = self._random[:9], self._random[9:]
            fresh = (now_us // 1000 << 74) | int.from_bytes(random, "big") << 2
            self._last = last = max(fresh, self._last + 1)
        high, low = last >> 62, last & (1 << 62) - 1
        whole = (high >> 12) << 80 | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low
        digits = f"{whole:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
