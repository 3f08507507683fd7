"""A systemd that starts nothing, behind the true bus interface, for tests on a private bus.

`model` knows how units and jobs behave (as observed on systemd 252), `interfaces` spells it on D-Bus, `server`
runs both beside the test, `bus` is the private message bus. Tests play the host's operator, its kernel and its
worst days through `server.FakeSystemd`.
"""
