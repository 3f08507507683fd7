"""Hard examples and their labels as people see them: pure functions between what nodes tell and what the API says."""
