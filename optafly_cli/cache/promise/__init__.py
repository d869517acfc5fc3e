"""The promise: of the semantic hits served, at most `max_error_rate` are wrong, with 95% confidence.

In: labels (the verifier's probability, and whether the answer was right), shipped ones and the user's own. Out: a
`Certificate` with the probability from which a hit may be served, or the reason why none can; a `Drift` that ends it.
Standard library only, but for `agreement.py`, which compares two answers after one was paid for.
"""
