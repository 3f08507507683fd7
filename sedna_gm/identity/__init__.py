"""Who calls, and what they may do: identities from credentials, one table of rules, joining, and the audit log.

`deciding` is pure. `sedna_gm.http.guarding` asks before every view; `sedna-gm token` gives and takes credentials.
"""
