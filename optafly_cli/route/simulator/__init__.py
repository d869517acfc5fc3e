"""Anthropic's prompt cache, simulated: what a trace of requests would have been billed under any placement of anchors.

In: requests without their texts (`shape.RequestShape`), breakpoints. Out: tokens by price, dollars, comparisons.
Pure, and the clock is the trace's. It may not send anything, and decides nothing: planning is `route.planner`.
"""
