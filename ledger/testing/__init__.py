"""How do you test what you build on a ledger? Scenes, stories, random ledgers, and a contract for stores of your own.

A *scene* is given events, when more come, and then an answer or a refusal:

    said = Statement(claims=("x",), chain=(by("Ann"), by("AFP", "outlet")))
    given(Entry(event=said, id="said")).when(Retraction(act="said", chain=(by("Cy"),))).refused(Refused)
    given(said).then(status, "x", status="asserted")

A *story* is a throw-away ledger that is told act by act:

    story = Story()
    said = story.states("Ann", "x", at="2024-10-05", via="AFP")
    story.denies(by("Russia", "state"), "x", at="2024-10-06")
    story.retracts("Ann", said)
    assert story.ask(status, "x").status == "denied"

An `Author` writes random events that keep every rule, the same for the same `random.Random`; `random_ledger` is a
whole ledger of them, and `opened` holds it. `ledgers()`, `acts()`, `chains()` and `said_ats()` are Hypothesis
strategies over it; they alone need Hypothesis.

`check_ledger_contract` holds a ledger over a store of yours to what `Ledger` promises.
"""

from .author import CLAIMS, Author, Exported, acts, chains, ledgers, opened, random_ledger, said_ats
from .contract import CONTRACT, check_ledger_contract
from .stories import Scene, Story, by, chain, given

__all__ = [
    "CLAIMS",
    "CONTRACT",
    "Author",
    "Exported",
    "Scene",
    "Story",
    "acts",
    "by",
    "chain",
    "chains",
    "check_ledger_contract",
    "given",
    "ledgers",
    "opened",
    "random_ledger",
    "said_ats",
]
