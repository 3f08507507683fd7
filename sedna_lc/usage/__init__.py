"""How busy this host and its workers are: one cheap look every ten seconds, an hour of them in memory.

`reading` looks at /proc and cgroups, `remembering` keeps what was seen, `sampling` does both now and then, and
answers the GM's question for it.
"""
