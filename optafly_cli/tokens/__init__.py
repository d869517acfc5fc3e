"""Token counts without a network, by the vocabularies of Claude's tokenizers as ctok reconstructs them.

In: any text, the model's tokenizer family, what its answers said. Out: a count with its margin and the method's name.
Reads only its own packaged files. It may not import a stage.
"""
