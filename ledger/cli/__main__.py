"""`python -m ledger.cli` is `claims`."""

from . import main

main(prog_name="claims")
