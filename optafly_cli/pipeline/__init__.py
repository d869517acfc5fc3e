"""The composition: ask = look up ▸ refine ▸ route ▸ provider ▸ store; refine and route are the same, stopped earlier.

In: a `Job`, `Settings`, a `Voice`. Out: an `Outcome`, a `RefinedPrompt` or a `RoutedRequest`.
Nothing here knows about terminals: what has to be said or asked goes through the callbacks of `Voice`.
"""
