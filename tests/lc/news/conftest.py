"""A GM, a client of it and threads, as the rest of what speaks to the GM has them in tests."""

from tests.lc.gm.conftest import client, gm, run

__all__ = ("client", "gm", "run")
