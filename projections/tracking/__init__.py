"""Where do all claims stand after one more record? The rules of a single status, kept up to date for the whole board.

`tracker` takes the records; the other rooms hold what it keeps: `cells` what one speaker's acts come to on one claim,
`standing` a claim, `desk` who is who among the sources, `webs` whose acts bear on which claims.
"""
