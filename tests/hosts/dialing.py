"""Dials one address from inside a lab's network, hands the connection to ssh and leaves: no bytes pass through here.

ssh starts it as its ProxyCommand with ProxyUseFdpass, in the network namespace of the lab (tests.hosts.keys writes that
line), and from then on uses the connection as its own. So whoever uses ssh, ansible first of all, reaches the hosts
from an ordinary shell.
"""

import socket
import sys


def main() -> None:
    """Connect to the host and port of the command line and send the socket over standard output."""
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
    connection.settimeout(None)
    with socket.socket(fileno=sys.stdout.fileno()) as ssh:
        socket.send_fds(ssh, [b"\0"], [connection.fileno()])
        ssh.detach()


if __name__ == "__main__":
    main()
