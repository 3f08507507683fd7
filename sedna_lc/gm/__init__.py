"""The LC's side of the wire: it always dials out. What the GM wants comes in, what happened here goes out.

`watching` hands on wanted resources, `sending` empties the outbox, `registering` keeps the node known and alive,
`answering` hands logs to whoever asked the GM for them. All of them go through `clients`, and none of them stops
anything local when the GM is away.
"""
