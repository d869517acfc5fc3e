"""Examples of input and output in a prompt, and whether they show what its words say.

In: the prompt's text. Out: the examples as values (`reading`), and an `Agreement`: whether operations that the words
name (`named`, of the tables in `steps`), one after another (`chains`), explain the results. Literals only; nothing of a
prompt is ever run.
"""
