"""What do people see? Pages: the board, a claim, two moments compared, a source, an event, and a form to append an act.

They are answered from the same projections as the API, by the same words as the command line. Everything works without
JavaScript; `static/page.js` only saves clicks.
"""
