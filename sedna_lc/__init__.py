"""The LocalController: makes one host match what the GlobalManager wants, and tells what it sees."""
