"""Run the Melang benchmarks as whole processes and compare with the original.

`python bench/melang/run.py [NAME…]`: the minimum and the median of five runs each,
after one that is not counted.  Modules are compiled, as they are once installed.
The original's figures are those of its C interpreter on a machine with two cores;
on another one only the ratios between scripts say something.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

FOLDER = Path(__file__).parent
RUNS = 5
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
ORIGINAL = {  # seconds
    "empty": 0.157,
    "fib25": 0.238,
    "loop1e6": 0.723,
    "strbuild": 0.287,
    "arr1e5": 7.32,
    "dict1e5": 11.8,
    "pingpong": 0.189,
}
ORIGINAL_MEGABYTES = {"sleepers": 272.0}


def seconds(name: str) -> float:
    """Return the wall time of one process."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "melang", str(FOLDER / f"{name}.m")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=ENVIRONMENT,
        check=True,
    )
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    seconds("empty")
    wanted = sys.argv[1:] or [*ORIGINAL, *ORIGINAL_MEGABYTES]
    print(f"{'script':10} {'min s':>8} {'median':>8} {'original':>9} {'ratio':>7}")
    for name in wanted:
        if name in ORIGINAL:
            runs = [seconds(name) for _ in range(RUNS)]
            best, original = min(runs), ORIGINAL[name]
            row = f"{best:8.3f} {median(runs):8.3f} {original:9.3f} {original / best:6.1f}x"
        else:
            seconds(name)
            used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            original = ORIGINAL_MEGABYTES[name]
            row = f"{used:6.1f}MB {'':8} {original:7.0f}MB {original / used:6.1f}x"
        print(f"{name:10} {row}")


if __name__ == "__main__":
    main()
