"""Versions that belong to a cached answer's scope: another refiner or template may give another prompt."""

REFINER_VERSION = "5"
"""Rises when the same prompt, workspace and settings can give other context or another structure."""

TEMPLATE_VERSION = "2"
"""Rises when a sentence in `data/templates.toml` or a tag changes."""
