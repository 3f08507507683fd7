"""Resources at rest: identity, versions, the log of changes. Knows no kinds, no HTTP.

Admission and the controllers write here; everyone watches. `interface` says what a store promises.
"""
