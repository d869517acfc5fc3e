"""The guard: reads two instructions word by word and refuses what may not share an answer.

In: two instructions. Out: a named `Veto`, or none; `reading.py` says what an instruction is made of, `words.toml` what
the guard knows. Pure Python, no model, no I/O but that file. Under 1 ms a pair.
"""
