"""The pool: it starts worker processes, watches them and stops them."""
