"""The readers of real time, held before anybody can freeze it.

freezegun replaces ``time.perf_counter`` and every module-level alias of it, but not
what a tuple holds. This is loaded with the package itself, before any test module. What
uses it may be loaded while a test has frozen the time.
"""

from __future__ import annotations

import time

__all__ = ["REAL_TIME"]

REAL_TIME = time.perf_counter, time.monotonic
