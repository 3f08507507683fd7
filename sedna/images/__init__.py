"""Worker images: folders with a user's code and the Python environment that runs it.

    <images dir>/<NAME>/<TAG>/image.yml     what `sedna.images.records` reads and writes
    <images dir>/<NAME>/<TAG>/app/          the user's code, working directory of its workers
    <images dir>/environments/<hash>/       environments, shared by what they hold
    <images dir>/libraries/<digest>/        versions of the `sedna` library, for the PYTHONPATH of workers

`sedna.images.building` makes them, `sedna.images.removing` takes them away; a LocalController finds them by
`sedna.images.records`.
"""
