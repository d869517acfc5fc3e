"""The verifier: how likely a stored answer also answers other words.

In: two instructions and their cosine. Out: a probability. A cross-encoder (model.onnx) and what the guard counted
(`features.py`) go into one logistic unit (verifier.json); `training/` makes all of it, docs/verifier.md says how. It
reads its own files and nothing else; importing it imports neither numpy nor onnxruntime.
"""
