"""The readings: each module answers one question about a ledger, and `Ledger.state` takes any of them."""
