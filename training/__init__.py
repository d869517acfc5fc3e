"""What makes the verifier: data, synthetic edits, training, calibration. Nothing of it is imported by optafly_cli.

docs/verifier.md has the recipe and the figures; `python -m training.train` runs it.
"""
