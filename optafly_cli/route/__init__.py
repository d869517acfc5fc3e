"""Stage 2: pricing, anchors, the Messages request.

In: `RefinedPrompt`, a model, a system prompt. Out: `RoutedRequest` with the exact body and what it will cost.
Pure: prices and minimums come from the dated data file, counts from `tokens`. It may not send anything.
"""
