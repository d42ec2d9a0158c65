"""Measuring tools of the benchmarks: time, and the peak memory of a process."""

import re
import time
from pathlib import Path


class Stopwatch:
    """Wall-clock and processor seconds since it was made."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.start[0], time.process_time() - self.start[1]


def peak_memory() -> float:
    """Peak resident memory of this process in MB (Linux). getrusage would also count the parent process."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000
