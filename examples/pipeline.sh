#!/usr/bin/env bash
# Optafly in pipes. Run it in a git repository with changes: examples/pipeline.sh [FILE[:LINE]]
# It needs jq, and a key in ANTHROPIC_API_KEY for `ask`.
set -euo pipefail
exec < /dev/null # no command waits for whatever this script's own stdin is

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
at="${1:-examples/unwrap/src/main.rs:12}"

# What would be sent: the prompt made better, and nothing sent yet.
optafly refine "fix this bug" --file "$at" --json |
    jq -r '"score \(.score.original) -> \(.score.refined), \(.context.tokens) tokens of context"'

# The argument is the instruction, the pipe is the context.
if ! git diff --quiet; then
    git diff | optafly ask "review this"
fi

# Refine first, look at the text or change it, then ask with exactly that.
optafly refine "fix this bug" --file "$at" | tee "$folder/refined.prompt.md" | optafly ask --no-refine -

# The second time the answer comes from the store. A script sees which it was.
optafly ask "fix this bug" --file "$at" --json > "$folder/answer.json"
jq -r '"cache: \(.cache.status) (\(.cache.tier // "none")), \(.timing_ms.total) ms"' "$folder/answer.json"
jq -r '.answer' "$folder/answer.json"
