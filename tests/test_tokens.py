"""Who may ask the service for what? Tokens: shown once, kept as hashes beside the ledger, and gone when revoked."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger import IntegrityError, InvalidEvent, Ledger, LedgerError, NotFound, UsageError
from ledger.cli import main
from ledger.tokens import PREFIX, SCOPES, Token, Tokens


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "claims.db"
    Ledger.open(path).close()
    return path


@pytest.fixture
def tokens(db: Path) -> Tokens:
    return Tokens.beside(db)


def ran(db: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["--db", str(db), "token", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def test_a_secret_is_known_by_its_holder_and_kept_nowhere(tokens: Tokens) -> None:
    secret = tokens.create("desk", ["append"])
    assert secret.startswith(PREFIX)
    assert len(secret) >= len(PREFIX) + 43  # 256 bits
    assert secret.encode() not in Path(tokens.path).read_bytes()
    found = tokens.holder(secret)
    assert found is not None
    assert (found.name, found.scopes) == ("desk", ("append",))


def test_no_other_secret_and_no_hash_opens_anything(tokens: Tokens) -> None:
    secret = tokens.create("desk", ["read"])
    [kept] = tokens.all()
    for other in ("", secret[:-1], secret + "x", kept.sha256, "\udcff", "é"):
        assert tokens.holder(other) is None


def test_only_its_owner_reads_the_file(tokens: Tokens) -> None:
    before = os.umask(0)
    try:
        tokens.create("desk", ["read"])
        tokens.create("other", ["read"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tokens.path).st_mode) == 0o600


def test_a_link_to_a_ledger_leads_to_the_tokens_of_that_ledger(db: Path, tokens: Tokens) -> None:
    link = db.parent / "link.db"
    link.symlink_to(db)
    assert Tokens.beside(link).path == tokens.path


def test_what_is_revoked_elsewhere_no_longer_opens_here(db: Path, tokens: Tokens) -> None:
    secret = tokens.create("desk", ["read"])
    assert tokens.holder(secret) is not None
    Tokens.beside(db).revoke("desk")
    until = time.monotonic() + 5
    while tokens.holder(secret) is not None and time.monotonic() < until:
        time.sleep(0.01)
    assert tokens.holder(secret) is None


def test_for_many_requests_the_disk_is_looked_at_once(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tokens.create("desk", ["read"])
    now, looked = [1e9], []
    monkeypatch.setattr("ledger.tokens.time.monotonic", lambda: now[0])
    monkeypatch.setattr(tokens, "_look", lambda: looked.append(now[0]))
    for now[0] in (1e9, 1e9 + 0.01, 1e9 + 0.04, 1e9 + 0.06, 1e9 + 0.07):
        assert tokens.holder(secret) is not None
    assert looked == [1e9, 1e9 + 0.06]


def test_when_the_last_token_is_revoked_nothing_is_open_again(tokens: Tokens) -> None:
    assert not tokens.made
    tokens.create("desk", ["read"])
    tokens.revoke("desk")
    assert tokens.made
    assert tokens.all() == []


def test_a_file_that_goes_while_a_service_runs_opens_nothing_to_anybody(tokens: Tokens) -> None:
    secret = tokens.create("desk", ["admin"])
    os.unlink(tokens.path)
    time.sleep(0.1)
    assert tokens.holder(secret) is None
    assert tokens.made
    assert not Tokens(tokens.path).made


def test_a_name_has_one_token_at_a_time(tokens: Tokens) -> None:
    first = tokens.create("desk", ["read"])
    with pytest.raises(UsageError, match="already"):
        tokens.create("desk", ["admin"])
    assert [token.scopes for token in tokens.all()] == [("read",)]
    tokens.revoke("desk")
    second = tokens.create("desk", ["append"])
    assert tokens.holder(first) is None
    assert tokens.holder(second) is not None


def test_a_token_takes_a_name_to_record_under_and_a_scope(tokens: Tokens) -> None:
    with pytest.raises(InvalidEvent):
        tokens.create("two\nlines", ["read"])
    with pytest.raises(UsageError, match="scope"):
        tokens.create("desk", [])
    assert not tokens.made


def test_nobody_is_revoked_who_is_not_there(tokens: Tokens) -> None:
    with pytest.raises(NotFound, match="nobody"):
        tokens.revoke("nobody")


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read", {"read"}),
        ("append", {"append"}),
        ("curate", {"append", "curate"}),
        ("admin", {"read", "append", "curate", "admin"}),
    ],
)
def test_a_scope_allows_what_it_says(tokens: Tokens, scope: str, allowed: set[str]) -> None:
    tokens.create("one", [scope])  # type: ignore[list-item]
    [token] = tokens.all()
    assert {other for other in SCOPES if token.may(other)} == allowed


def test_many_who_make_tokens_at_once_lose_none(db: Path) -> None:
    def make(number: int) -> None:
        Tokens.beside(db).create(f"desk {number}", ["read"])

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {token.name for token in Tokens.beside(db).all()} == {f"desk {number}" for number in range(8)}


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"tokens":[{"name":"x"}]}', b"\xff"])
def test_a_damaged_file_opens_nothing_and_is_not_overwritten(tokens: Tokens, damage: bytes) -> None:
    Path(tokens.path).write_bytes(damage)
    for use in (lambda: tokens.made, lambda: tokens.holder("x"), lambda: tokens.create("desk", ["read"])):
        with pytest.raises(IntegrityError):
            use()
    assert Path(tokens.path).read_bytes() == damage
    assert not Path(f"{tokens.path}.new").exists()


def test_where_somebody_is_changing_tokens_the_next_one_waits_and_then_says_so(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.tokens._PATIENCE_S", 0.05)
    Path(f"{tokens.path}.new").touch()
    with pytest.raises(LedgerError, match="remove it"):
        tokens.create("desk", ["read"])


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_shows_the_secret_once_and_alone(db: Path, tokens: Tokens) -> None:
    [secret] = ran(db, "create", "desk", "--scope", "read", "--scope", "append").splitlines()
    token = tokens.holder(secret)
    assert isinstance(token, Token)
    assert token.scopes == ("read", "append")
    listed = ran(db, "list")
    assert "desk" in listed
    assert "read, append" in listed
    assert secret not in listed


def test_the_command_speaks_json(db: Path, tokens: Tokens) -> None:
    made = json.loads(ran(db, "create", "desk", "--scope", "curate", "--json"))
    token = tokens.holder(made.pop("token"))
    assert token is not None
    assert json.loads(ran(db, "list", "--json")) == {"tokens": [made]}


def test_the_command_revokes(db: Path, tokens: Tokens) -> None:
    secret = ran(db, "create", "desk", "--scope", "read").strip()
    ran(db, "revoke", "desk")
    assert tokens.holder(secret) is None
    ran(db, "revoke", "desk", code=3)


def test_a_name_that_steers_a_terminal_is_refused(db: Path) -> None:
    ran(db, "create", "\x1b[2Jdesk", "--scope", "read", code=6)


@pytest.mark.parametrize("where", ["nowhere.db", ":memory:", "http://127.0.0.1:8000"])
def test_there_are_no_tokens_where_there_is_no_ledger_in_a_file(tmp_path: Path, where: str) -> None:
    path = where if ":" in where else str(tmp_path / where)
    result = CliRunner().invoke(main, ["--db", path, "token", "create", "desk", "--scope", "read"])
    assert result.exit_code in (2, 3)
    assert list(tmp_path.iterdir()) == []
