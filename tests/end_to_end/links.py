"""A line between two hosts that can be cut: now, or in the middle of what it carries."""

from __future__ import annotations

import contextlib
import socket
import threading

UP, DOWN = "up", "down"


class Link:
    """Carries TCP from a port of its own to an address. `up` is from who connects to who listens."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._pairs: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._cut = False
        self._left: dict[str, int | None] = {UP: None, DOWN: None}
        self.carried = {UP: 0, DOWN: 0}
        self.broke = threading.Event()
        """Set when the line was cut in the middle, as `cut_after` asked."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._begin(self._accept)

    def cut(self) -> None:
        """Break every connection, and let none come about."""
        with self._lock:
            self._cut = True
            pairs = list(self._pairs)
        for one in pairs:
            _end(one)

    def cut_after(self, size: int, direction: str) -> None:
        """Cut the line when so many more bytes have gone in one direction."""
        with self._lock:
            self.broke.clear()
            self._left[direction] = size

    def mend(self) -> None:
        with self._lock:
            self._cut = False

    def close(self) -> None:
        self.cut()
        _end(self._listener)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _begin(self, routine: object, *arguments: object) -> None:
        thread = threading.Thread(target=routine, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                refused = self._cut
            if refused:
                near.close()
                continue
            try:
                far = socket.create_connection(self._target)
            except OSError:
                near.close()
                continue
            with self._lock:
                self._pairs |= {near, far}
            self._begin(self._serve, near, far)

    def _serve(self, near: socket.socket, far: socket.socket) -> None:
        back = threading.Thread(target=self._carry, args=(far, near, DOWN), daemon=True)
        back.start()
        self._carry(near, far, UP)
        back.join()
        with self._lock:
            self._pairs -= {near, far}
        near.close()
        far.close()

    def _carry(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 14):
                kept = self._count(len(data), direction)
                sink.sendall(data[:kept])
                if kept < len(data):
                    self.cut()
                    self.broke.set()
        for one in (source, sink):
            _end(one)

    def _count(self, size: int, direction: str) -> int:
        with self._lock:
            left = self._left[direction]
            kept = size if left is None else min(size, left)
            if left is not None:
                self._left[direction] = left - kept if kept == size else None
            self.carried[direction] += kept
            return kept


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
