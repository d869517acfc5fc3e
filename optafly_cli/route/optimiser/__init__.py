"""Fewer tokens for the same request: what is repeated, what no reader needs of a log, what is no text at all.

In: the sections of a refined prompt, in order. Out: the sections as they are sent, and a list of what was removed.
Pure. What becomes of a section depends on it and on those before it, so a prefix stays what it was whatever follows.
Code in fences, and lines that speak of an error or a warning, are never lost; docs/optimiser.md says the rest.
"""
