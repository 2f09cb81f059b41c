"""Which probability does a word of likelihood stand for? The published scales, as data, with their exact bands.

A band is (low, high), both in 0..1. Terms are matched whatever their case and spacing. A term that stands in no
scale is recorded with `scale="inferred"` and the band its recorder gives.

Sources: ICD 203 (US Office of the Director of National Intelligence, *Analytic Standards*, 2015), the PHIA
probability yardstick (UK Professional Head of Intelligence Assessment), Sherman Kent, *Words of Estimative
Probability* (1964), and the IPCC guidance note on uncertainty (AR5, 2010), whose open bounds run to 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

INFERRED: Final = "inferred"


class Band(NamedTuple):
    """A probability interval, both ends within 0..1."""

    low: float
    high: float


def _scale(rows: str) -> Mapping[str, Band]:
    table: dict[str, Band] = {}
    for row in rows.strip().splitlines():
        terms, low, high = (cell.strip() for cell in row.split("|"))
        for term in terms.split("/"):
            table[term.strip()] = Band(float(low), float(high))
    return table


SCALES: Final[Mapping[str, Mapping[str, Band]]] = {
    "icd203": _scale("""
        almost no chance / remote            | .01 | .05
        very unlikely / highly improbable    | .05 | .20
        unlikely / improbable                | .20 | .45
        roughly even chance / roughly even odds | .45 | .55
        likely / probable                    | .55 | .80
        very likely / highly probable        | .80 | .95
        almost certain / nearly certain      | .95 | .99
    """),
    "phia": _scale("""
        remote chance                        | 0   | .05
        highly unlikely                      | .10 | .20
        unlikely                             | .25 | .35
        realistic possibility                | .40 | .50
        likely / probable / likely or probable | .55 | .75
        highly likely                        | .80 | .90
        almost certain                       | .95 | 1
    """),
    "kent": _scale("""
        almost certain                       | .87 | .99
        probable                             | .63 | .87
        even                                 | .40 | .60
        probably not                         | .20 | .40
        almost certainly not                 | .02 | .12
    """),
    "ipcc": _scale("""
        virtually certain                    | .99 | 1
        very likely                          | .90 | 1
        likely                               | .66 | 1
        about as likely as not               | .33 | .66
        unlikely                             | 0   | .33
        very unlikely                        | 0   | .10
        exceptionally unlikely               | 0   | .01
    """),
}


def band(scale: str, term: str) -> Band | None:
    """The band of `term` on the named `scale`, or None where the scale has no such term."""
    return SCALES.get(scale, {}).get(" ".join(term.casefold().split()))


def terms(scale: str) -> list[str]:
    """The terms of a scale, from the least to the most likely."""
    return sorted(SCALES[scale], key=SCALES[scale].__getitem__)
