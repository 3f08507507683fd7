"""What the two services do alike at their outermost: read their settings, and talk to systemd.

They are strangers to each other, so what both need lives here: `configuring`, `reloading` and `notifying`. Nothing in
this room knows which service it works for, and user code has no use for it.
"""
