"""Which id does a name stand for, in every script, and which source does each link of a chain count under?"""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import Link, names
from ledger.events import BY_CARRIER, Kind


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Dmitry Peskov", "dmitry-peskov"),
        ("  The Guardian\t", "the-guardian"),
        ("six_killed", "six-killed"),
        ("--six---killed--", "six-killed"),
        ("AT&T", "at-t"),
        ("O'Brien", "o-brien"),
        ("a@b", "a-b"),
        ("3.5%", "3-5"),
        ("KN-23", "kn-23"),
        ("a", "a"),
        ("0", "0"),
        ("Müller", "müller"),
        ("Mu\u0308ller", "müller"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("STRAẞE", "strasse"),
        ("İstanbul", "i\u0307stanbul"),
        ("ISPARTA", "isparta"),
        ("ılıca", "ılıca"),
        ("ﬁve ﬂats", "five-flats"),
        ("Ǆ", "dž"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("Σίσυφος", "σίσυφοσ"),
        ("Володимир Зеленський", "володимир-зеленський"),
        ("МЗС України", "мзс-україни"),
        ("Йосип", "йосип"),
        ("И\u0306осип", "йосип"),
        ("조선중앙통신", "조선중앙통신"),
        ("\u110c\u1169\u1109\u1165\u11ab", "조선"),
        ("朝鮮中央通信", "朝鮮中央通信"),
        ("新华社，北京", "新华社-北京"),
        ("ｶﾞｰﾃﾞｨｱﾝ", "ガーディアン"),
        ("ＡＢＣ１２３", "abc123"),
        ("وكالة الأنباء", "وكالة-الأنباء"),
        ("مُحَمَّد", "مُحَمَّد"),
        ("ﷲ", "الله"),
        ("٣ قتلى", "٣-قتلى"),
        ("हिन्दी समाचार", "हिन्दी-समाचार"),
        ("१२ मरे", "१२-मरे"),
        ("ภาษาไทย", "ภาษาไทย"),
        ("עברית", "עברית"),
        ("ქართული", "ქართული"),
        ("ᲥᲐᲠᲗᲣᲚᲘ", "ქართული"),
        ("Ꭰ", "Ꭰ"),
        ("𝔉𝔯𝔞𝔨𝔱𝔲𝔯", "fraktur"),
        ("Ⅷ", "viii"),
        ("m²", "m2"),
        ("①", "1"),
        ("½", "1-2"),
        ("№ 7", "no-7"),
        ("a\u200bb", "a-b"),
        ("a\u200db", "a-b"),
        ("a\u202eb", "a-b"),
        ("a\u00adb", "a-b"),
        ("a\ufeffb", "a-b"),
        ("a—b–c", "a-b-c"),
        ("a\u3000b\u2028c", "a-b-c"),
        ("😀 smile", "smile"),
        ("a\0b", "a-b"),
        ("a\ud800b", "a-b"),
    ],
)
def test_a_slug_keeps_letters_marks_and_digits_of_every_script(text: str, slug: str) -> None:
    assert names.slug(text) == slug
    assert names.slug(slug) == slug
    assert names.is_claim_id(slug)


@pytest.mark.parametrize(
    "text", ["", " ", "-", "---", "!?", "\n", "…", "—", "😀", "\u200b\u200d", "\u202e", "\ud800", "@", "€%"]
)
def test_what_has_no_letter_or_digit_makes_no_id(text: str) -> None:
    with pytest.raises(ValueError, match="has no letter or digit to make an id of; give one"):
        names.slug(text)
    assert not names.is_claim_id(text)
    assert not names.is_source_id(text)


@given(st.text() | st.lists(st.characters(), max_size=4).map("\u0301".join))
@example("\u0345\u0301a")
@example("\u1e9e\u0130\ufb01\u01c4\u2126\u212a")
@example("\u0f73\u0f75")
@example("ᾳ\u0345ᾼ")
def test_a_slug_is_its_own_slug(text: str) -> None:
    try:
        slug = names.slug(text)
    except ValueError:
        return
    assert names.slug(slug) == slug == unicodedata.normalize("NFC", slug)
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert "--" not in slug
    assert all(char == "-" or unicodedata.category(char)[0] in "LMN" for char in slug)


@given(st.text())
def test_a_slug_does_not_depend_on_the_normal_form(text: str) -> None:
    def slug(of: str) -> str | None:
        try:
            return names.slug(of)
        except ValueError:
            return None

    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert slug(unicodedata.normalize(form, text)) == slug(text)


@pytest.mark.parametrize("text", ["a", "six-killed", "2024", "мзс-україни", "조선", "x" * 300])
def test_a_claim_id_is_its_own_slug(text: str) -> None:
    assert names.is_claim_id(text)
    assert names.is_source_id(text)
    assert names.is_source_id(f"{text}@{text}")
    assert not names.is_claim_id(f"{text}@{text}")


@pytest.mark.parametrize(
    "text", ["A", "a b", "a_b", "-a", "a-", "a--b", "Мзс", "ﬁve", "Mu\u0308ller", "a\u200b", "a\n", "a "]
)
def test_what_is_not_its_own_slug_is_no_id(text: str) -> None:
    assert not names.is_claim_id(text)
    assert not names.is_source_id(text)
    assert not names.is_source_id(f"a@{text}")
    assert not names.is_source_id(f"{text}@a")


@pytest.mark.parametrize("text", ["@", "a@", "@a", "a@@b", "a@ b"])
def test_no_part_of_a_source_id_is_empty(text: str) -> None:
    assert not names.is_source_id(text)


def link(name: str, kind: Kind | None = None, source: str | None = None) -> Link:
    return Link(name=name, kind=kind, source=source)


GUARDIAN = link("The Guardian", "outlet")


@pytest.mark.parametrize(
    ("chain", "sources"),
    [
        ((link("Ann", "person"),), ("ann",)),
        ((link("Ann"),), ("ann",)),
        ((link("Ann", "person"), GUARDIAN), ("ann", "the-guardian")),
        ((link("a diplomat", "unnamed"),), ("a-diplomat",)),
        ((link("a diplomat", "unnamed"), GUARDIAN), ("a-diplomat@the-guardian", "the-guardian")),
        ((link("officials", "collective"), GUARDIAN), ("officials@the-guardian", "the-guardian")),
        ((link("several reports", "untraced"), GUARDIAN), ("several-reports@the-guardian", "the-guardian")),
        ((link("@anon", "account"), GUARDIAN), ("anon", "the-guardian")),
        ((link("a paper", "outlet"), GUARDIAN), ("a-paper", "the-guardian")),
        ((link("a diplomat"), GUARDIAN), ("a-diplomat", "the-guardian")),
        (
            (link("a friend", "unnamed"), link("a diplomat", "unnamed"), GUARDIAN),
            ("a-friend@a-diplomat@the-guardian", "a-diplomat@the-guardian", "the-guardian"),
        ),
        (
            (link("a friend", "unnamed"), link("Ann", "person"), link("they", "collective"), GUARDIAN),
            ("a-friend@ann", "ann", "they@the-guardian", "the-guardian"),
        ),
        ((link("a diplomat", "unnamed", "dip"), GUARDIAN), ("dip", "the-guardian")),
        ((link("a diplomat", "unnamed"), link("The Guardian", "outlet", "graun")), ("a-diplomat@graun", "graun")),
        ((link("a friend", "unnamed"), link("x", "unnamed", "a@b")), ("a-friend@a@b", "a@b")),
        ((link("!", "person", "anonymous"),), ("anonymous",)),
        ((link("Джерело", "unnamed"), link("УП", "outlet")), ("джерело@уп", "уп")),
    ],
)
def test_each_link_counts_under_its_source(chain: tuple[Link, ...], sources: tuple[str, ...]) -> None:
    assert names.sources(chain) == sources
    assert names.speaker(chain) == sources[0]
    assert names.speaker(list(chain)) == sources[0]
    assert all(map(names.is_source_id, sources))


@pytest.mark.parametrize("kind", sorted(BY_CARRIER))
def test_two_carriers_unnamed_sources_are_two(kind: Kind) -> None:
    said = link("a source", kind)
    assert names.speaker((said, GUARDIAN)) != names.speaker((said, link("AFP", "outlet")))


def test_a_name_without_a_letter_needs_a_source() -> None:
    with pytest.raises(ValueError, match="give one"):
        names.sources((link("!"), GUARDIAN))
