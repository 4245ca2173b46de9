"""Backups: what a copy has, how it is made, checked and put back."""
