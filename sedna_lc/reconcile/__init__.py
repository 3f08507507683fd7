"""What the GM wants of this node meets what is observed on it.

`deciding` (pure) looks at one worker and names one act; `acting` does it; `loop` runs one worker's acts in order
and different workers' acts at the same time. `absorbing` and `judging` (pure) read reports and ends.
"""
