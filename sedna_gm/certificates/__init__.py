"""The GlobalManager's certificates: an authority of its own, and what it signs for the server.

`making` makes them, `checking` says what is wrong with some, `keeping` keeps them in a folder and swaps them whole.
The one room that knows the library `cryptography`; `sedna_gm.daemon` has the command and serves with what is here.
"""
