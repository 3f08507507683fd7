"""The contents that go from node to node: blobs named by their sha256, until no Artifact names them any more.

`disks` holds them, fed by `sedna_gm.http.artifacts`; `collecting` has `sweeping` remove what `deciding` says is of no
use. `buckets` are swept by `sedna-gm collect`.
"""
