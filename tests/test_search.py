"""Is a text found by what somebody types, in any script, and is nothing that is typed an error?"""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import UsageError
from projections.views import search
from projections.views.search import queries, searched

INDEX = "CREATE VIRTUAL TABLE words USING fts5 (text, content = '', columnsize = 0, tokenize = 'ascii')"


@pytest.fixture(scope="module")
def found():
    """Whether a text is found by what is typed."""
    connection = apsw.Connection(":memory:")
    connection.execute(INDEX)

    def is_found(text, typed):
        connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        connection.execute("INSERT INTO words (rowid, text) VALUES (1, ?)", (searched(text),))
        match = "SELECT 1 FROM words WHERE words MATCH ?"
        return all(connection.execute(match, (one,)).fetchall() for one in queries(typed)) and bool(queries(typed))

    return is_found


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("北京大学在中国", "大学"),
        ("北京大学在中国", "学在中"),
        ("北京大学在中国", "国"),
        ("北京大学在中国", "京"),
        ("iPhone手机不见了", "iphone 手机"),
        ("東京でコンピュータを買った", "コンピュータ"),
        ("한국어를 배운다", "한국어"),
        ("ประเทศไทย", "ไทย"),
        ("Перемога у КИЄВІ", "києві"),
        ("Ёлка стоит", "елка"),
        ("П’ять людей", "п'ять"),
        ("Пʼять людей", "п’ять"),
        ("مُحَمَّد الأحمد", "محمد الاحمد"),
        ("الجــزيرة", "الجزيرة"),
        ("في عام ٢٠٢٤", "2024"),
        ("Ἐν Ἀθήναις, ὁ Σωκράτης", "σωκρατης"),
        ("ΑΘΗΝΑ ΚΑΙ ΛΟΓΟΣ", "λόγος"),
        ("São João, Łódź, Straße", "sao joao strasse"),
        ("शहर में लोगों की बैठक", "लोगों"),
        ("e\u0301tat", "état"),
        ("ｆｕｌｌｗｉｄｔｈ", "fullwidth"),
        ("The dam, they said, leaks.", "dam leak"),
        ("The dam, they said, leaks.", '"dam they said"'),
        ("café\u00ad au\u200b lait", "cafe lait"),
        ("well-known", "well-known"),
    ],
)
def test_a_text_is_found_in_its_script(found, text, typed):
    assert found(text, typed)


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("北京大学", "京学"),
        ("北京大学", "大 北京学"),
        ("The dam leaks", "dam leaked"),
        ("The dam leaks", "lea dam"),  # only the last word may be the beginning of one
        ("The dam leaks", '"dam lea"'),
        ("The dam leaks", '"leaks dam"'),
        ("शहर में लोग", "लोगों"),
        ("かき", "がき"),
        ("The dam leaks", "…"),
    ],
)
def test_what_is_not_there_is_not_found(found, text, typed):
    assert not found(text, typed)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40))
def test_nothing_that_is_typed_is_an_error(typed):
    connection = apsw.Connection(":memory:")
    connection.execute(INDEX)
    for query in queries(typed):
        connection.execute("SELECT rowid FROM words WHERE words MATCH ?", (query,)).fetchall()


@given(st.text("ab 北京大é'\"-ا2", min_size=1, max_size=20))
def test_a_text_is_found_by_all_of_itself(found, text):
    assert found(text, text.replace('"', " ")) or not queries(text.replace('"', " "))


def test_a_word_is_sought_once_and_more_words_than_one_may_seek_are_refused():
    assert queries("dam " * 500 + '"dam"') == ['"dam"']
    many = " ".join(f"word{number}" for number in range(search.MOST))
    assert len(queries(many)) == search.MOST
    with pytest.raises(UsageError, match="33 words are sought, more than 32"):
        queries(f"{many} more")
