"""What every HTTP route shares: access, refusals, bodies, pages."""
