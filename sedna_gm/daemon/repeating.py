"""One request that a connection knows when it hears it again, with the answer to it."""

from __future__ import annotations

from dataclasses import dataclass

from gunicorn.http.unreader import SocketUnreader

from sedna_gm.daemon.answering import dated
from sedna_gm.http.repeats import Again

# So many in a row are answered from memory before one goes the whole way: what nobody thought of ends with that.
_IN_A_ROW = 29


# What is longer is no heartbeat.
_MOST = 4096


class Ear(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """What gunicorn's parser reads from; it has the bytes of one turn, as long as they are few."""

    heard = b""

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Read from the socket. Empty at the end."""
        data: bytes = super().chunk(size_hint)
        if len(self.heard) <= _MOST:
            self.heard += data
        return data

    def listen(self, repeat: Repeat | None) -> bytes:
        """Hear the beginning of a turn; all of it, where it may be what is known. Empty when the client has hung up."""
        self.heard = b""
        self.chunk()
        # Head and body of a request may come one after the other.
        while repeat is not None and self.heard and repeat.begins_with(self.heard) and self.chunk():
            pass
        return self.heard

    @property
    def whole(self) -> bytes:
        """All that was read in this turn; empty where that was too much to know it again."""
        return self.heard if len(self.heard) <= _MOST and not self.buf.getbuffer().nbytes else b""


@dataclass(slots=True)
class Repeat:
    """What was heard, what was sent, and what does it `again`."""

    heard: bytes
    answer: bytes
    again: Again
    left: int = _IN_A_ROW

    def begins_with(self, heard: bytes) -> bool:
        """Whether this is a part of the request, and more is to come."""
        return len(heard) < len(self.heard) and self.heard.startswith(heard)

    def knows(self, heard: bytes) -> bool:
        """Whether this is the same request, and it was done once more."""
        if self.left == 0 or heard != self.heard or not self.again():
            return False
        self.left -= 1
        return True

    def sent(self) -> bytes:
        """The answer, as of now."""
        return dated(self.answer)
