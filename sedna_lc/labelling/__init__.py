"""Hard examples as people see them, and the labels that people give: asked by the GlobalManager, done on the node.

`answering` is the table of questions. `listing` looks at the folder, `picturing` sends a picture or a small one, and
`appending` adds a labelled sample to its dataset exactly once. `headers`, `side_files`, `ranking` and `lines` decide.
"""
