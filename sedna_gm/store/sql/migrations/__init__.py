"""The schema as numbered steps, `0001_….sql` onward. A step that has been released is never edited."""
