"""Whether the user is to be asked before a rewrite is used. Pure; the asking is the command line's."""

from optafly_cli.config.settings import Approve
from optafly_cli.refine.result import RefinedPrompt


def approval_needed(refined: RefinedPrompt, approve: Approve) -> bool:
    """`always`: whenever something was changed; `unsafe`: when text of files is in it that nobody named; `never`."""
    if approve == "never":
        return False
    if approve == "always":
        return bool(refined.changes)
    return bool(refined.unsafe)
