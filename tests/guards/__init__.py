"""Guards: tests that read the source, for promises that running the code cannot check.

Each guard is a function from a source to what it finds, as ``file:line: reason``. It is shown to find nothing in
the repository, and to find something in a small source that breaks the promise.
"""
