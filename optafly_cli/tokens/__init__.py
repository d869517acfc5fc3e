"""Token counts without a network: tiktoken's cl100k, each token weighed by a measured correction per model family.

In: any text, the model's tokenizer family. Out: an estimate with its margin and the method's name.
Reads only its own packaged tables. It may not import a stage.
"""
