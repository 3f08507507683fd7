"""What only a real kernel shows: enforced limits and power cuts, on a virtual machine under software emulation.

`make test-machine` runs these tests; they take minutes, and CI leaves them to people. `disks` builds the disk of a
host as the roles install it, `virtual_machines` switches it on and off.
"""
