"""Studies: what participants are asked to show, from TOML files, and how far each of them is."""
