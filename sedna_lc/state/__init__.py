"""What an LC knows after a power cut: what the GM wanted, what became of it, and what is still to be told.

Knows nothing of HTTP, units or files of users. `stores` is the interface, `memory` and `sqlite` keep it.
"""
