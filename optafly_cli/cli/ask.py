"""optafly ask: the full cached round trip."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.afterwards import leave
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import ContextOptions, approver, open_session
from optafly_cli.cli.ui import Spinner, Ui
from optafly_cli.errors import ProviderError, UsageError

if TYPE_CHECKING:
    from optafly_cli.cache.explain import Explanation
    from optafly_cli.pipeline.ask import Outcome
    from optafly_cli.pipeline.session import Session

app = new_app()


@app.command(
    cls=StageCommand,
    epilog=examples(
        'optafly ask "fix this bug" --file src/main.rs:12',
        'git diff | optafly ask "review this"',
        'optafly ask "explain this" --file app.py --json | jq -r .answer',
        'optafly ask "fix this bug" --file src/main.rs --cache-only --explain',
        'optafly ask "explain this" --file app.py --system rules.md --prewarm',
    ),
)
def ask(
    ctx: typer.Context,
    prompt: opt.Prompt = None,
    file: opt.Files = None,
    selection: opt.Selection = None,
    diff: opt.Diff = False,
    no_context: opt.NoContext = False,
    max_context_tokens: opt.MaxContextTokens = None,
    yes: opt.Yes = False,
    no_refine: opt.NoRefine = False,
    system: opt.System = None,
    model: opt.Model = None,
    max_tokens: opt.MaxTokens = None,
    ttl: opt.Ttl = "auto",
    no_optimise: opt.NoOptimise = False,
    compress: opt.Compress = False,
    max_cost: opt.MaxCost = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither look into the store nor keep the answer.")
    ] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask again and replace the stored answer.")] = False,
    cache_only: Annotated[bool, typer.Option("--cache-only", help="Answer from the store or exit 1.")] = False,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Print the answer when it is complete.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say why the store answers as it does, on stderr, before the answer.")
    ] = False,
    prewarm: Annotated[
        bool, typer.Option("--prewarm", help="Only write the stable part into Anthropic's prompt cache.")
    ] = False,
    max_error_rate: opt.MaxErrorRate = None,
    base_url: opt.BaseUrl = None,
    json: opt.Json = False,
) -> int:
    """Answer a prompt: from the store if it can, from Claude if it must.

    The answer goes to stdout as it arrives. The same question about the same
    code is answered from the store, without a request.
    """
    from optafly_cli.cli.ask_output import document, summarise
    from optafly_cli.config.paths import store_folder
    from optafly_cli.pipeline.ask import ask as run
    from optafly_cli.pipeline.budget import within_cost
    from optafly_cli.pipeline.job import Voice, check_cache_mode
    from optafly_cli.pipeline.shelf import begin_with

    ui: Ui = ctx.obj
    started = time.time()
    if prewarm and (no_cache or refresh or cache_only):
        raise UsageError(
            "--prewarm goes with none of --no-cache, --refresh, --cache-only", remedy="it asks nothing: leave them out"
        )
    if ui.served and prompt and not (no_cache or prewarm):
        begin_with(prompt)
    session = open_session(
        ui,
        ContextOptions(
            prompt=prompt,
            files=file,
            selection=selection,
            diff=diff,
            no_context=no_context,
            yes=yes,
            no_refine=no_refine,
            system=system,
            ttl=ttl,
            no_optimise=no_optimise,
            compress=compress,
            max_cost=max_cost,
            cache=check_cache_mode(no_cache=no_cache, refresh=refresh or prewarm, cache_only=cache_only),
            max_context_tokens=max_context_tokens,
            model=model,
            max_tokens=max_tokens,
            base_url=base_url,
            max_error_rate=max_error_rate,
        ),
    )
    sink = _Sink(ui, streaming=not (no_stream or json))
    explainer = _Explainer(ui, session) if explain else None
    voice = Voice(
        warn=ui.warn,
        status=sink.status,
        text=sink.text,
        waiting=sink.waiting,
        approve=approver(ui, session),
        explain=explainer.show if explainer else None,
        later=leave,
    )
    try:
        folder = store_folder(session.settings.cache, os.environ)
        if prewarm:
            from optafly_cli.cli.prewarm import run as warm

            return within_cost(session, lambda session: warm(ui, session, voice, folder), ui.note)
        outcome = within_cost(session, lambda session: run(session, voice, folder), ui.note)
    except ProviderError as error:
        sink.finish(error.partial)
        raise
    finally:
        sink.stop()
    if json:
        said = {"explain": explainer.document} if explainer else {}
        ui.document("ask", {**document(outcome), **said})
    else:
        sink.finish(outcome.answer.text if outcome.answer else None)
        if outcome.answer or not (explainer and explainer.document):
            summarise(ui, outcome)
    code = _exit_code(ui, outcome)
    if not (json or explain or refresh or no_cache or system) and ui.is_plain and code == 0:
        if outcome.status == "hit":
            leave(lambda: _keep_request(ui, session, outcome, folder, started))
        else:
            _keep_request(ui, session, outcome, folder, started)
    return code


def _keep_request(ui: Ui, session: "Session", outcome: "Outcome", folder: Path, started: float) -> None:
    """Let the launcher answer the same command next time."""
    from optafly_cli.direct import request_of

    if request := request_of(ui.argv, os.environ):
        from optafly_cli.pipeline.again import keep

        keep(session, outcome, folder, request, started)


class _Explainer:
    """Shows the explanation on stderr, or keeps it for the document; without a look-up it says so at once."""

    def __init__(self, ui: Ui, session: "Session") -> None:
        self.ui = ui
        self.refresh = session.job.cache == "refresh"
        self.document: dict[str, Any] | None = None
        if session.job.cache == "off" or not session.settings.cache.enabled:
            ui.warn("there is nothing to explain: the cache is off for this question")

    def show(self, explanation: "Explanation") -> None:
        """Say it, or keep it."""
        from optafly_cli.cli.columns import width_of
        from optafly_cli.cli.explain_document import document
        from optafly_cli.cli.explain_output import explained

        self.document = document(explanation)
        if self.ui.json:
            return
        for line in explained(explanation, width_of(sys.stderr)):
            self.ui.styled_note(*line)
        if self.refresh:
            self.ui.styled_note(("--refresh: it is asked again whatever fits", None))


class _Sink:
    """Puts the answer on stdout once, as it streams or at its end, and shows a spinner until it begins."""

    def __init__(self, ui: Ui, *, streaming: bool) -> None:
        self.ui = ui
        self.streaming = streaming
        self._wrote = False
        self._last = ""
        self._spinner: Spinner | None = None

    def waiting(self) -> None:
        """The request is about to be sent."""
        self._spinner = self._spinner or self.ui.spinner("asking Claude …")
        self._spinner.start()

    def status(self, text: str) -> None:
        """A line about why it takes longer; the waiting goes on."""
        self.stop()
        self.ui.note(text)
        self.waiting()

    def text(self, delta: str) -> None:
        """A part of the answer."""
        if not self.streaming or not delta:
            return
        self.stop()
        self._put(delta)

    def stop(self) -> None:
        """End the spinner, if there is one."""
        if self._spinner is not None:
            self._spinner.stop()

    def finish(self, text: str | None) -> None:
        """Write what has not been written, and end the last line."""
        self.stop()
        if self.ui.json:
            return
        if text and not self._wrote:
            self._put(text)
        if self._wrote and self._last != "\n":
            self.ui.write("\n", flush=True)

    def _put(self, text: str) -> None:
        self.ui.write(text, flush=True)
        self._wrote = True
        self._last = text[-1]


def _exit_code(ui: Ui, outcome: "Outcome") -> int:
    problem = outcome.store_problem
    if problem is not None:
        ui.warn(f"the answer was not stored: {problem.message}" if outcome.answer else problem.message)
        if problem.remedy:
            ui.note(f"  {problem.remedy}")
        return problem.exit_code
    return 1 if outcome.answer is None else 0
