"""The commands of ``a3cp``."""
