"""Do the words of likelihood stand for exactly the bands that were published?"""

from __future__ import annotations

import pytest

from ledger import scales

BANDS = {
    "icd203": {
        "almost no chance": (0.01, 0.05),
        "remote": (0.01, 0.05),
        "very unlikely": (0.05, 0.20),
        "highly improbable": (0.05, 0.20),
        "unlikely": (0.20, 0.45),
        "improbable": (0.20, 0.45),
        "roughly even chance": (0.45, 0.55),
        "roughly even odds": (0.45, 0.55),
        "likely": (0.55, 0.80),
        "probable": (0.55, 0.80),
        "very likely": (0.80, 0.95),
        "highly probable": (0.80, 0.95),
        "almost certain": (0.95, 0.99),
        "nearly certain": (0.95, 0.99),
    },
    "phia": {
        "remote chance": (0, 0.05),
        "highly unlikely": (0.10, 0.20),
        "unlikely": (0.25, 0.35),
        "realistic possibility": (0.40, 0.50),
        "likely or probable": (0.55, 0.75),
        "likely": (0.55, 0.75),
        "probable": (0.55, 0.75),
        "highly likely": (0.80, 0.90),
        "almost certain": (0.95, 1),
    },
    "kent": {
        "almost certain": (0.87, 0.99),
        "probable": (0.63, 0.87),
        "even": (0.40, 0.60),
        "probably not": (0.20, 0.40),
        "almost certainly not": (0.02, 0.12),
    },
    "ipcc": {
        "virtually certain": (0.99, 1),
        "very likely": (0.90, 1),
        "likely": (0.66, 1),
        "about as likely as not": (0.33, 0.66),
        "unlikely": (0, 0.33),
        "very unlikely": (0, 0.10),
        "exceptionally unlikely": (0, 0.01),
    },
}


@pytest.mark.parametrize("scale", list(BANDS))
def test_a_scale_has_exactly_its_terms_and_bands(scale: str) -> None:
    assert scales.SCALES[scale] == BANDS[scale]


def test_there_are_four_scales_and_what_is_inferred_is_none() -> None:
    assert list(scales.SCALES) == list(BANDS)
    assert scales.INFERRED not in scales.SCALES


@pytest.mark.parametrize(
    ("scale", "term"),
    [("icd203", term) for term in BANDS["icd203"]]
    + [("ipcc", "virtually certain"), ("kent", "even"), ("phia", "likely")],
)
def test_a_term_is_found_whatever_its_case_and_spacing(scale: str, term: str) -> None:
    for spelt in (term, term.upper(), term.title(), f"  {term.replace(' ', '   ')}\n", term.replace(" ", "\u00a0")):
        assert scales.band(scale, spelt) == BANDS[scale][term]


@pytest.mark.parametrize(
    ("scale", "term"),
    [
        ("icd203", "remote chance"),  # PHIA's
        ("icd203", "virtually certain"),  # the IPCC's
        ("phia", "very likely"),
        ("kent", "likely"),
        ("ipcc", "probable"),
        ("icd203", "very-likely"),
        ("icd203", "verylikely"),
        ("icd203", ""),
        ("inferred", "likely"),
        ("", "likely"),
        ("ICD203", "likely"),
    ],
)
def test_a_term_of_another_scale_has_no_band_here(scale: str, term: str) -> None:
    assert scales.band(scale, term) is None


@pytest.mark.parametrize("scale", list(BANDS))
def test_terms_are_told_from_the_least_to_the_most_likely(scale: str) -> None:
    terms = scales.terms(scale)
    assert sorted(terms) == sorted(BANDS[scale])
    assert [BANDS[scale][term] for term in terms] == sorted(BANDS[scale].values())


@pytest.mark.parametrize("scale", list(BANDS))
def test_a_band_lies_within_nought_and_one_with_four_decimals_at_most(scale: str) -> None:
    for low, high in scales.SCALES[scale].values():
        assert 0 <= low < high <= 1
        assert (round(low, 4), round(high, 4)) == (low, high)
