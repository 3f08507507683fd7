"""The claims of speed and size, measured on the machine they are run on: `python -m benchmarks`, or `make bench`.

Each module with a function `measure` is a group of rows; `running` finds and runs them, `tables` and `results` show
and keep what they found. Nothing here is a timed test: continuous integration only sees that each group still runs.
"""
