"""The rules: each a function that looks at a subject and yields what is wrong. What each says is in table.py."""
