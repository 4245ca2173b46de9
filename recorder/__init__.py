"""The recorder: the only writer of session logs."""
