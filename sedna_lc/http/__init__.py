"""The door on loopback through which workers report. `door` is the application, `serving` the server around it."""
