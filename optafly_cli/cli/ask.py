"""optafly ask: the full cached round trip."""

import os
import sys
from typing import Annotated, Any

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import ContextOptions, open_session
from optafly_cli.cli.ui import Ui
from optafly_cli.errors import ProviderError, StoreError

app = new_app()


@app.command(
    cls=StageCommand,
    epilog=examples(
        'optafly ask "fix this bug" --file src/main.rs:12',
        'git diff | optafly ask "review this"',
        'optafly ask "explain this" --file app.py --json | jq -r .answer',
        'optafly ask "fix this bug" --file src/main.rs --cache-only',
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
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither look into the store nor keep the answer.")
    ] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask again and replace the stored answer.")] = False,
    cache_only: Annotated[bool, typer.Option("--cache-only", help="Answer from the store or exit 1.")] = False,
    no_stream: Annotated[bool, typer.Option("--no-stream", help="Print the answer when it is complete.")] = False,
    max_error_rate: Annotated[
        float | None,
        typer.Option(
            "--max-error-rate", metavar="D", help="Accepted share of wrong semantic hits.", show_default=False
        ),
    ] = None,
    base_url: opt.BaseUrl = None,
    json: opt.Json = False,
) -> int:
    """Answer a prompt: from the store if it can, from Claude if it must.

    The answer goes to stdout as it arrives. The same question about the same
    code is answered from the store, without a request.
    """
    from optafly_cli.config.paths import store_folder
    from optafly_cli.pipeline.ask import ask as run
    from optafly_cli.pipeline.job import Voice, check_cache_mode

    ui: Ui = ctx.obj
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
            cache=check_cache_mode(no_cache=no_cache, refresh=refresh, cache_only=cache_only),
        ),
        {
            "refine.max_context_tokens": max_context_tokens,
            "provider.model": model,
            "provider.max_tokens": max_tokens,
            "provider.base_url": base_url,
            "cache.max_error_rate": max_error_rate,
        },
    )
    sink = _Sink(ui, streaming=not (no_stream or json))
    voice = Voice(warn=ui.warn, status=sink.status, text=sink.text, approve=sink.approver(session))
    try:
        outcome = run(session, voice, store_folder(session.settings.cache, os.environ))
    except ProviderError as error:
        sink.finish(error.partial)
        raise
    finally:
        sink.stop()
    if json:
        ui.document("ask", _document(outcome))
    else:
        sink.finish(outcome.answer.text if outcome.answer else None)
        _summarise(ui, outcome)
    return _exit_code(ui, outcome)


class _Sink:
    """Puts the answer on stdout once, as it streams or at its end, and shows a spinner until it begins."""

    def __init__(self, ui: Ui, *, streaming: bool) -> None:
        self.ui = ui
        self.streaming = streaming
        self._wrote = False
        self._last = ""
        self._spinner = ui.spinner("asking Claude …")
        self._stop_spinner: Any = None

    def status(self, text: str) -> None:
        """A line about what is being waited for; the first one starts the spinner."""
        if text:
            self.stop()
            self.ui.note(text)
        if self._stop_spinner is None:
            self._stop_spinner = self._spinner.__enter__()

    def text(self, delta: str) -> None:
        """A part of the answer."""
        if not self.streaming or not delta:
            return
        self.stop()
        self._put(delta)

    def stop(self) -> None:
        """End the spinner, if there is one."""
        if self._stop_spinner is not None:
            self._stop_spinner()

    def finish(self, text: str | None) -> None:
        """Write what has not been written, and end the last line."""
        self.stop()
        if self.ui.json:
            return
        if text and not self._wrote:
            self._put(text)
        if self._wrote and self._last != "\n":
            self.ui.write("\n", flush=True)

    def approver(self, session: Any) -> Any:
        """The function that asks the user, None where nobody can be asked."""
        if not self.ui.interactive:
            return None

        def ask_user(refined: Any) -> Any:
            from optafly_cli.cli.approve import approve

            self.stop()
            return approve(self.ui, refined, session)

        return ask_user

    def _put(self, text: str) -> None:
        self.ui.write(text, flush=True)
        self._wrote = True
        self._last = text[-1]


def _document(outcome: Any) -> dict[str, Any]:
    answer, lookup = outcome.answer, outcome.lookup
    hit = lookup if outcome.status == "hit" else None
    usage = answer.usage if answer else None
    billed = 0 if hit else 1
    return {
        "answer": answer.text if answer else "",
        "cache": {
            "status": outcome.status,
            "tier": hit.tier if hit else None,
            "reason": _reason(outcome),
            "entry": outcome.entry,
            "similarity": _rounded(getattr(lookup, "similarity", None)),
            "confidence": _rounded(hit.confidence) if hit else None,
            "age_s": _rounded(hit.age_s, 1) if hit else None,
        },
        "score": _score(outcome.refined),
        "model": answer.model if answer else None,
        "usage": {
            name: getattr(usage, name) * billed
            for name in ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        }
        if usage
        else None,
        "cost": {
            "currency": "USD",
            "billed": outcome.cost,
            "saved": hit.entry.cost if hit else 0.0,
        },
        "stop_reason": answer.stop_reason if answer else None,
        "request_id": answer.request_id if answer else None,
        "timing_ms": outcome.timing.document("refine", "route", "lookup", "provider", "store", "total"),
    }


def _reason(outcome: Any) -> str:
    if outcome.status == "bypass":
        return "the cache is off for this question"
    if outcome.lookup is not None:
        return outcome.lookup.reason if outcome.status == "hit" else _miss_reason(outcome.lookup)
    if outcome.store_problem is not None:
        return f"store: {outcome.store_problem.message}"
    return "refresh"


def _miss_reason(lookup: Any) -> str:
    return f"{lookup.reason}: {lookup.detail}" if lookup.detail else str(lookup.reason)


def _score(refined: Any) -> dict[str, Any] | None:
    if refined is None:
        return None
    return {
        "original": round(refined.score_original.value, 4),
        "refined": round(refined.score_refined.value, 4),
        "dimensions": {name: round(value, 4) for name, value in refined.score_refined.dimensions.items()},
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def _summarise(ui: Ui, outcome: Any) -> None:
    """One line on stderr: where the answer came from and what it cost."""
    if not sys.stderr.isatty() and ui.verbosity < 1:
        return
    total = outcome.timing.ms["total"]
    if outcome.status == "hit":
        hit = outcome.lookup
        parts = [f"{hit.tier} hit", f"{_age(hit.age_s)} old", f"{total:.0f} ms"]
        if hit.tier == "semantic":
            parts.insert(1, f"similarity {hit.similarity:.2f}")
        if hit.entry.cost:
            parts.append(f"saved ${hit.entry.cost:.4f}")
    elif outcome.answer is None:
        parts = ["miss", _miss_reason(outcome.lookup) if outcome.lookup else "nothing stored"]
    else:
        usage = outcome.answer.usage
        sent = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
        parts = [outcome.status, outcome.answer.model, f"{sent:,} tokens in", f"{usage.output_tokens:,} out"]
        if usage.cache_read_input_tokens:
            parts.append(f"{usage.cache_read_input_tokens:,} from the prompt cache")
        if outcome.cost is not None:
            parts.append(f"${outcome.cost:.4f}")
        parts.append(f"{total / 1000:.1f} s")
        if outcome.lookup is not None:
            ui.detail(f"miss: {_miss_reason(outcome.lookup)}")
    ui.note("optafly: " + " · ".join(parts))


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _exit_code(ui: Ui, outcome: Any) -> int:
    problem: StoreError | None = outcome.store_problem
    if problem is not None:
        ui.warn(f"the answer was not stored: {problem.message}" if outcome.answer else problem.message)
        if problem.remedy:
            ui.note(f"  {problem.remedy}")
        return problem.exit_code
    return 1 if outcome.answer is None else 0
