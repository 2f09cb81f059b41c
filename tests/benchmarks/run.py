"""How fast is it? `python tests/benchmarks/run.py` prints every figure with its floor, measured in the same run.

A bar is what a figure should reach. It is shown, never asserted: whether a run on this machine says anything, the
reader decides. Leave the machine alone meanwhile. With `--triples N` it also asks the large ledger of so many claims at
cuts picked at random, in three ways that must agree.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TextIO

import apsw

try:
    import ledger
except ImportError:  # not installed: measure the checkout
    sys.path.insert(1, str(Path(__file__).parents[2]))
    import ledger

sys.path.insert(1, str(Path(__file__).parents[1]))  # where the oracle lies

import appends  # noqa: F401  each declares its figures
import boards  # noqa: F401
import crowds  # noqa: F401
import groups  # noqa: F401
import reads  # noqa: F401
import rebuilds  # noqa: F401
import service  # noqa: F401
import startup  # noqa: F401
import streams  # noqa: F401
from agreement import Compared, compared
from measure import GROUPS, Figure, Group, Measured, Setting, filesystem, workplace
from rebuilds import rebuilt
from whole import imported

from ledger import Ledger
from projections.views import Views

_ROW = "{:<34}{:>18}{:>18}{:>9}   {:<10}{:<8}{}"


def main() -> int:
    """Measures, prints, and ends with 1 where a figure could not be measured, or an answer was another."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the ledgers are removed then too
    options = _options()
    only = {figure.name for figure in _all()} if options.only is None else set(options.only)
    chosen = [group for group in GROUPS if {figure.name for figure in group.figures} & only]
    found: dict[str, Measured] = {}
    failed = False
    with workplace(options.events, options.dir) as setting:
        if not options.json:
            print(_circumstances(setting), end="\n\n")
            print(_ROW.format("figure", "value", "floor", "ratio", "bar", "", "floor is"), flush=True)
        for group in chosen:
            try:
                for figure, measured in _measured(group, setting, only):
                    found[figure.name] = measured
                    if not options.json:
                        print(_row(figure, measured), flush=True)
            except Exception:  # the others can be measured all the same
                failed = True
                print(f"{', '.join(f.name for f in group.figures)} could not be measured:", file=sys.stderr)
                traceback.print_exc()
        if options.triples:
            failed |= not _agree(setting, options.triples, sys.stderr if options.json else sys.stdout)
    if options.json:
        print(
            json.dumps({figure.name: _plain(figure, found[figure.name]) for figure in _all() if figure.name in found})
        )
    return int(failed)


def _options() -> argparse.Namespace:
    names = [figure.name for figure in _all()]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="the size of the ledgers (default: 100,000)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, and no table")
    parser.add_argument("--only", nargs="*", metavar="NAME", choices=names, help=f"of {', '.join(names)}")
    parser.add_argument("--triples", type=int, default=0, metavar="N", help="compare so many answers in three ways")
    parser.add_argument("--dir", help="where to put the ledgers (default: where temporary files go, if that is a disk)")
    options = parser.parse_args()
    if options.events < 1_000:
        parser.error("--events: 1000 at least")
    return options


def _all() -> Iterator[Figure]:
    return (figure for group in GROUPS for figure in group.figures)


def _measured(group: Group, setting: Setting, only: Collection[str]) -> Iterator[tuple[Figure, Measured]]:
    figures = {figure.name: figure for figure in group.figures}
    for name, measured in group.measure(setting):
        if name in only:
            yield figures[name], measured


def _agree(setting: Setting, number: int, out: TextIO) -> bool:
    """Whether view, single read and oracle give the same answers; what differs is told."""
    rebuilt(setting)
    ways: Counter[bool] = Counter()
    differing: list[Compared] = []
    with Ledger.open(imported(setting).path) as book, Views.open(book) as view:
        for one in compared(book, view, number):
            ways[one.three_ways] += 1
            differing += [one] if one.difference else []
    for one in differing:
        print(one.triple, *one.difference or (), sep="\n  ", file=sys.stderr)
    beside = f"{ways[False]:,} more, of claims too large for the oracle, in two" if ways[False] else "none left out"
    asked = f"{ways[True]:,} triples of claim, as_of and said_by in three ways: view, single read, oracle; {beside}"
    print(f"\n{asked}: {len(differing) or 'none'} differ", file=out)
    return not differing


def _circumstances(setting: Setting) -> str:
    where = f"{filesystem(setting.directory)} at {setting.directory}"
    versions = f"Python {platform.python_version()} · SQLite {apsw.sqlite_lib_version()} · {os.cpu_count()} cores"
    load = f"load {os.getloadavg()[0]:.1f} before"
    return f"{setting.events:,} events · {Path(ledger.__file__).parent} · {versions}, {load} · {where}"


def _row(figure: Figure, measured: Measured) -> str:
    bar = figure.bar
    judged = "" if bar is None else "met" if bar.is_met(measured) else "MISSED"
    value, floor = (f"{_shown(number)} {figure.unit}" for number in measured)
    return _ROW.format(figure.name, value, floor, f"{measured.ratio:.2f}x", str(bar or ""), judged, figure.floor)


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _plain(figure: Figure, measured: Measured) -> dict[str, float | str]:
    return {"value": measured.value, "floor": measured.floor, "ratio": measured.ratio, "unit": figure.unit}


if __name__ == "__main__":
    sys.exit(main())
