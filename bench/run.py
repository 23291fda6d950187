"""Measures Proctor beside the physical limit, supervisord and circus, and prints one table.

    python bench/run.py [--only SCENARIO ...] [--systems NAME ...] [--json FILE]

Every number comes from this run on this machine.  It leaves no process and no file behind, but for
bench/build (programs, and the peers in an environment of their own).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from pathlib import Path
from subprocess import SubprocessError

from circus_system import Circus
from daily import DAILY, DAILY_ROWS
from limits import measure_limit
from proctor_system import Proctor
from rows import ROWS, SCENARIOS, Row, Values
from supervisord_system import Supervisord
from systems import CannotDo, System
from tools import TooSlow, build_programs, install_ours, install_peers, monotonic

LIMIT = "limit"
ALL_ROWS = (*ROWS, *DAILY_ROWS)
ALL_SCENARIOS = {**SCENARIOS, **DAILY}
LONGEST = 45
PEERS_UNTIL = 250
"""Seconds for one scenario of one system, and from when on only Proctor is measured."""

SYSTEMS: dict[str, type[System]] = {
    "Proctor": Proctor,
    "supervisord": Supervisord,
    "circus": Circus,
}


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaving nothing behind
    signal.signal(signal.SIGALRM, _too_slow)
    build_programs()
    install_ours()
    systems = options.systems
    if {"supervisord", "circus"} & set(systems) and not install_peers():
        systems = [name for name in systems if name in (LIMIT, "Proctor")]
    begin = monotonic()
    found: dict[str, Values] = {name: {} for name in systems}
    for scenario in options.only:
        for name in systems:
            if name in ("Proctor", LIMIT) or monotonic() < begin + PEERS_UNTIL:
                _measure(scenario, name, found[name])
            else:
                print(f"{scenario}: {name}: left out, for time", file=sys.stderr)
    _print_table(found)
    print(f"\n{_machine()}; {monotonic() - begin:.0f} s")
    if options.json:
        report = {"when": time.strftime("%F %T%z"), "machine": _machine(), "found": found}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*ALL_SCENARIOS], default=[*ALL_SCENARIOS])
    names = [LIMIT, *SYSTEMS]
    parser.add_argument("--systems", nargs="+", choices=names, default=names)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    return parser.parse_args()


def _measure(scenario: str, name: str, values: Values) -> None:
    """Add to `values` what the scenario finds, or as much of it as it has time for."""
    begin = monotonic()
    signal.alarm(LONGEST)
    try:
        if name == LIMIT:
            values |= measure_limit(scenario)
        else:
            ALL_SCENARIOS[scenario](SYSTEMS[name], values)
    except CannotDo:
        pass
    except (TooSlow, OSError, RuntimeError, SubprocessError) as error:
        print(f"{scenario}: {name}: {error!r}", file=sys.stderr)
    finally:
        signal.alarm(0)
        print(f"{scenario}: {name}: {monotonic() - begin:.1f} s", file=sys.stderr, flush=True)


def _too_slow(*_: object) -> None:
    raise TooSlow(f"not within {LONGEST} s")


def _print_table(found: dict[str, Values]) -> None:
    names = [name for name in ("Proctor", LIMIT, *SYSTEMS) if name in found]
    names = list(dict.fromkeys(names))
    titles = ["target", *names, "/ limit", "best peer /", ""]
    lines = [["", *titles]]
    for row in ALL_ROWS:
        if any(row.key in values for values in found.values()):
            lines.append(_line(row, names, found))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [line[0].ljust(widths[0]), *map(str.rjust, line[1:-1], widths[1:-1]), line[-1]]
        print("  ".join(cells).rstrip())


def _line(row: Row, names: list[str], found: dict[str, Values]) -> list[str]:
    ours = found.get("Proctor", {}).get(row.key)
    limit = found.get(LIMIT, {}).get(row.key)
    peers = [
        found[n][row.key] for n in names if n not in ("Proctor", LIMIT) and row.key in found[n]
    ]
    best = (max(peers) if row.more else min(peers)) if peers else None
    sign = ">=" if row.more else "<="
    return [
        row.what,
        f"{sign} {row.target:,g} {row.unit}",
        *(_number(found[name].get(row.key)) for name in names),
        _ratio(row, ours, limit),
        _ratio(row, best, ours),
        "" if ours is None or _meets(row, ours) else "missed",
    ]


def _ratio(row: Row, one: float | None, other: float | None) -> str:
    """Return how many times worse `one` is than `other`."""
    if not one or not other:
        return "-"
    return f"{other / one if row.more else one / other:.1f}x"


def _meets(row: Row, value: float) -> bool:
    return value >= row.target if row.more else value <= row.target


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.1f} at the end"
    )


if __name__ == "__main__":
    main()
