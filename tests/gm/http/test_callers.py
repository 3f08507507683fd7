"""Whether a client has hung up."""

from __future__ import annotations

import fcntl
import resource
import socket

import pytest

from sedna_gm.http.callers import hung_up, keep_probing, patience


def test_a_client_is_there_until_it_closes() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        gone = hung_up({"gunicorn.socket": ours})
        assert not gone()
        theirs.send(b"the next request")
        assert not gone()
        ours.recv(100)
        theirs.close()
        assert gone()
    assert gone()


def test_without_a_socket_to_look_at_nobody_is_taken_for_gone() -> None:
    assert not hung_up({})()


def test_the_two_thousandth_client_is_there_too() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2100:
        pytest.skip("this machine does not let a process open so many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2100), hard))
    try:
        ours, theirs = socket.socketpair()
        with ours, theirs, socket.socket(fileno=fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD, 2000)) as high:
            assert high.fileno() >= 2000
            assert not hung_up({"gunicorn.socket": high})()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_patience_ends_with_the_request_and_survives_a_closed_connection() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with patience({"gunicorn.socket": ours}, 0.01), pytest.raises(TimeoutError):
            ours.recv(1)
        assert ours.gettimeout() is None
        with patience({"gunicorn.socket": ours}, 0.01):
            ours.close()
    with patience({}, 0.01):
        pass


def test_who_asks_and_never_reads_holds_nobody_for_ever() -> None:
    """His system goes on saying that it is there, and has no room; ours gives him up by itself."""
    with socket.create_server(("127.0.0.1", 0)) as door, socket.create_connection(door.getsockname()):
        ours, _ = door.accept()
        with ours:
            keep_probing(ours, seconds=1)
            with pytest.raises(TimeoutError):
                while True:
                    ours.sendall(bytes(2**16))


def test_a_socket_that_is_no_line_is_let_be() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        keep_probing(ours)
        ours.sendall(b"still there")
    keep_probing(ours)
