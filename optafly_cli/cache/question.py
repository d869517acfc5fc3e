"""From a prompt and what was named to a `Question`: the only door into the cache.

Cheap by contract: it lists the workspace root for the headline, and reads nothing else.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache

from optafly_cli.cache.evidence import evidence_of
from optafly_cli.cache.scope import canonical, diff_digest, named_items, pasted_digest, text_digest
from optafly_cli.cache.text import exact_form, instruction_of, pasted_code
from optafly_cli.cache.types import Question, Scope
from optafly_cli.workspace.types import NamedContext, Workspace


def build_question(
    prompt: str,
    named: NamedContext,
    workspace: Workspace,
    *,
    namespace: str,
    model: str,
    system: str | None,
    parameters: Mapping[str, object],
    versions: Mapping[str, str],
    state: Callable[[], str],
    reselect: Callable[[str], str],
    may_send_unnamed: bool = False,
    tools: object = None,
    turns: object = None,
    identity: str | None = None,
) -> Question:
    """The prompt as the cache sees it: instruction, exact form, scope, and the evidence of now.

    An empty `namespace` is the local user. `tools` and `turns` are JSON values (the proxy has them). `state` and
    `reselect` run at most once per argument, and only when an entry asks for them. `identity` names the workspace where
    its folder does not: another machine has it elsewhere.
    """
    from optafly_cli.workspace.project import headline

    root = str(workspace.root.resolve())
    scope = Scope(
        workspace=identity or root,
        # A clone may lie in a folder of any name
        headline=headline(replace(workspace, name=identity) if identity else workspace),
        namespace=namespace or local_namespace(),
        model=model,
        named=named_items(named),
        piped=text_digest(named.piped),
        diff=diff_digest(named.diff),
        pasted=pasted_digest(pasted_code(prompt)),
        system=text_digest(system),
        parameters=canonical(parameters),
        tools=canonical(tools),
        turns=canonical(turns),
        versions=tuple(sorted(versions.items())),
    )
    return Question(
        prompt=prompt,
        instruction=instruction_of(prompt),
        exact=exact_form(prompt),
        scope=scope,
        named=evidence_of(named),
        state=cache(state),
        reselect=cache(reselect),
        may_send_unnamed=may_send_unnamed,
        root=root,
    )


def local_namespace() -> str:
    """The namespace of whoever runs this: answers are not shared between users of one machine."""
    return f"user:{os.getuid()}"
