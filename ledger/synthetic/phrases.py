"""Which words does a made-up ledger consist of? Names, topics, quotes and manners, each as often as its share says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ledger.events import Kind
from ledger.scales import SCALES


def _shares(**shares: int) -> tuple[Any, ...]:
    """Words to pick from, each as often as its share says."""
    return tuple(word for word, share in shares.items() for _ in range(share))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LANGUAGES: Final = _shares(en=28, uk=4, ru=2, ar=2, zh=2, hi=2, el=2, fr=2)
KINDS: Final = _shares(factual=17, predictive=2, normative=1)
RELATIONS: Final = _shares(entails=17, same_as=1, negates=2)
MODES: Final = _shares(asserted=41, mention=4, conditional=3, question=2)
FORMS: Final = _shares(flat=25, dismissal=9, partial=5, no_comment=5, non_denial=3, cannot_confirm=3)
SCOPES: Final = _shares(explicit=8, framed=1, ambiguous=1)
REPORTS: Final = _shares(direct_quote=3, partial_quote=1, paraphrase=2, narrated=1)
VERDICTS: Final = _shares(true=2, false=5, mixed=2, unproven=2, not_checkable=1, other=1)
RULINGS: Final = _shares(confirmed=2, refuted=2, unresolvable=1)
LABELS: Final = ("Pants on fire", "Half true", "Falsch", "Not rated", "Satire", None)
TERMS: Final[Sequence[Any]] = tuple((scale, term) for scale, terms in SCALES.items() for term in terms)
ROLES: Final = ("spokeswoman", "head of the council", "eyewitness", "minister", "brigade commander", None, None)
CUES: Final = ("said", "claimed", "told", "wrote", "insisted", "admitted", None, None)
MEDIA: Final = ("Telegram", "briefing", "interview", "television", "parliament", None, None)
CLERKS: Final = ("desk", "desk", "desk", "night desk", "anna.k", "import-bot", "Рада")
WHYS: Final = ("typing error", "that was the date of publication", "entered twice", "wrong claim", "read again")
VAGUELY: Final = (
    "../{day}", "../{day}", "../{day}", "../{day}", "{day}/..", "{before}/{day}", "{before}/{day}", "{before}~/{day}",
    "{day}~", "{day}~", "{day}~", "{day}?", "{day}?", "{month}", "{month}", "{year}",
)  # fmt: skip
ZONES: Final = ((0, "Z"), (0, "Z"), (2, "+02:00"), (3, "+03:00"), (-5, "-05:00"), (9, "+09:00"))

PLACES: Final = _words("""
    Aldermoor Brestova Caldera Dunwick Eastmarch Falkenau Gorodec Harrowgate Istria Jelovac Karst Lindenau Marava
    Norhaven Oswin Pelagia Quarry Rudnik Saltmarsh Tarnow Umberto Vesna Wolfsthal Zelenets""")
GIVEN: Final = _words("""
    Anna Bohdan Carmen Dmytro Elif Farid Greta Hassan Ines Jonas Katya Liang Mariam Nikos Olena Pavel Quentin Rania
    Stefan Teodora Ulrik Vera Wanda Yusuf Оксана Сергій فاطمة 王芳 Ελένη Zoë""")
FAMILY: Final = _words("""
    Adler Bondar Costa Demir Egger Fontaine Gashi Hadad Ivanenko Jansen Kovar Lysenko Moreau Nowak Orlov Petrou Quint
    Rossi Sato Tamm Ursu Vogel Weiss Yilmaz Zhou Мельник الحسن 李 Παππάς Núñez""")
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BODIES: Final[Sequence[tuple[str, Kind]]] = (
    ("Ministry of Defence of %s", "office"),
    ("%s Regional Council", "organisation"),
    ("Red Cross of %s", "organisation"),
)
OUTLETS: Final = ("%s Herald", "Radio %s", "The %s Post", "%s 24", "Новини %s", "%s时报")
ANONYMOUS: Final[Sequence[tuple[str, Kind]]] = (
    ("a senior official", "unnamed"),
    ("a person with knowledge of the matter", "unnamed"),
    ("a source in the army", "unnamed"),
    ("two diplomats", "unnamed"),
    ("residents", "collective"),
    ("eyewitnesses", "collective"),
    ("reports", "untraced"),
)
TOPICS: Final = (  # (stem of the id, text with a place and a number, language)
    ("bridge-closed", "The bridge near {} was closed for {} hours.", "en"),
    ("depot-fire", "A fire in the depot of {} destroyed {} vehicles.", "en"),
    ("ballot-boxes", "In {}, {} ballot boxes disappeared.", "en"),
    ("mayor-resigns", "The mayor of {} offered to resign after {} days.", "en"),
    ("troops-seen", "Near {}, {} soldiers without insignia were seen.", "en"),
    ("strike-ends", "In {} the strike of {} drivers was called off.", "en"),
    ("usine-fermée", "L’usine de {} fermera, {} emplois sont supprimés.", "fr"),
    ("міст-закрито", "Міст біля {} закрито на {} годин.", "uk"),
    ("إغلاق-الجسر", "أغلق الجسر قرب {} لمدة {} ساعة.", "ar"),
    ("大桥封闭", "{}附近的大桥封闭了{}小时。", "zh"),
)
QUOTES: Final = {
    "en": ("We counted {} of them, and nobody came to help.", "That is not what happened.", "I tell what I saw.",
           "The figure of {} is far too high.", "Our people were there, and they will stay there.",
           "There was smoke over the harbour until the evening – then silence.", "No comment at this time.",
           "It is “entirely possible” that there were {}.", "Ask those who were in command that night."),
    "uk": ("Ми нарахували {}, але точних даних ще немає.", "Це не відповідає дійсності.", "Там нікого не було."),
    "ru": ("Речь идёт примерно о {} случаях.", "Никаких подтверждений этому нет.", "Мы это не комментируем."),
    "ar": ("لا صحة لهذه الأنباء.", "شاهدنا {} منهم في الطريق.", "نحن لا نعلق على الشائعات."),
    "zh": ("目前没有任何证据。", "现场大约有{}人。", "我们不予置评。"),
    "hi": ("यह खबर सही नहीं है।", "वहाँ लगभग {} लोग थे।"),
    "el": ("Δεν έχουμε επιβεβαίωση για τους {}.", "Αυτό δεν συνέβη ποτέ."),
    "fr": ("Nous n’avons « aucune information » à ce sujet.", "Ils étaient {}, peut-être davantage."),
}  # fmt: skip
