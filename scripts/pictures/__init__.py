"""Pictures of recorded captures: ``a3cp show``."""
