"""Commands of `sedna-gm` beside `serve`, each with its options in a module of its own."""
