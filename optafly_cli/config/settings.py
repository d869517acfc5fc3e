"""The settings tree. Each field's default is the documented one; units are in the names.

The defaults come from the original system's integrated configuration (DESIGN.md, "Configuration"). Beside each
default stands its `Rule`: what it means, in one sentence, and which values are taken. `schema` reads them, and
docs/configuration.md is made from them.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeVar

T = TypeVar("T")
Approve = Literal["always", "unsafe", "never"]
Strategy = Literal["heuristic", "learned", "auto"]
Form = Literal["any", "name", "path", "url"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a setting means and which values it takes.

    `minimum` and `maximum` are inclusive, `above` is an exclusive minimum. `form` is for text: a name is not empty, a
    path is empty, absolute or under `~`, a url is empty or http(s). `hint`: what to give instead of what is refused.
    `secret`: never shown in a message. `pending`: checked and kept, but nothing acts on it yet.
    """

    meaning: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    form: Form = "any"
    hint: str = ""
    secret: bool = False
    pending: bool = False


def setting(default: T, rule: Rule) -> T:
    """A field with that default and that rule."""
    made: T = field(default=default, metadata={"rule": rule})
    return made


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """`[refine]`: when a prompt is rewritten and with what."""

    enabled: bool = setting(True, Rule("Refine prompts before they are sent."))
    threshold: float = setting(
        0.7, Rule("A prompt that scores at or above it is left as it is, unless asked.", minimum=0, maximum=1)
    )
    approve: Approve = setting(  # noqa: RUF009 - a field, not a value
        "unsafe",
        Rule(
            "Which rewrites are shown and asked about on a terminal: all, those that would send text of "
            "files that you did not name, or none."
        ),
    )
    max_context_tokens: int = setting(
        2048, Rule("The most tokens of workspace context that a prompt may get.", minimum=0, maximum=1_000_000)
    )
    include_active_file: bool = setting(True, Rule("Propose the active file when the prompt points at one."))
    include_selection: bool = setting(True, Rule("Take the selection into the prompt."))
    include_project_structure: bool = setting(True, Rule("Describe the project's shape in the prompt."))
    llm: str = setting(
        "none", Rule("A model that helps with the rewrite; none: rules only.", choices=("none",), pending=True)
    )


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`[route]`: how the request is arranged."""

    enabled: bool = setting(True, Rule("Arrange requests for the prompt cache."))
    anchors: bool = setting(True, Rule("Place anchors."))
    token_optimisation: bool = setting(
        True, Rule("Remove what a request has twice or a log too much of (docs/optimiser.md).")
    )
    strategy: Strategy = setting(  # noqa: RUF009 - a field, not a value
        "auto",
        Rule("What tells which prompts come again: the heuristic, what `optafly learn` fitted, or the cheaper one."),
    )
    max_anchors: int = setting(4, Rule("The most anchors in a request.", minimum=0, maximum=4))
    models: tuple[str, ...] = setting(
        (),
        Rule(
            "Models that may answer instead where --max-cost rules the chosen one out; the first that fits.",
            form="name",
        ),
    )


@dataclass(frozen=True, slots=True)
class LintSettings:
    """`[lint]`: which rules count when prompts are checked, and how much."""

    select: tuple[str, ...] = setting((), Rule("Only the rules that begin like one of these; empty: all.", form="name"))
    ignore: tuple[str, ...] = setting((), Rule("Not the rules that begin like one of these.", form="name"))
    severity: tuple[str, ...] = setting(
        (), Rule('Other severities, as in "OPF005=error": error, warning, info or off.', form="name")
    )
    min_score: float = setting(0.0, Rule("The lowest score with which a prompt passes; 0: any.", minimum=0, maximum=1))


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """`[cache]`: when a stored answer may be served again, and how much is kept.

    An empty `namespace` means the local user; an empty `path` means `platformdirs.user_data_path`.
    """

    enabled: bool = setting(True, Rule("Answer from the store, and remember answers in it."))
    similarity: float = setting(0.85, Rule("The lowest cosine that can be a semantic hit.", minimum=0, maximum=1))
    max_error_rate: float = setting(
        0.01,
        Rule(
            "The largest share of semantic hits served that may be wrong; 0: exact hits only.", minimum=0, maximum=0.5
        ),
    )
    shadow_rate: float = setting(
        0.1,
        Rule(
            "The share of near misses whose fresh answer is compared with the stored one, to learn from.",
            minimum=0,
            maximum=1,
        ),
    )
    ttl_days: float = setting(
        30.0,
        Rule(
            "Days after which an entry is not served any more.",
            above=0,
            maximum=36_500,
            hint="36500 keeps answers for a century, cache.enabled = false keeps none",
        ),
    )
    max_size_gb: float = setting(5.0, Rule("The store's largest size, in GB.", above=0, maximum=100_000))
    embedding_model: str = setting(
        "all-MiniLM-L6-v2",
        Rule(
            "The model that embeds instructions; any but the default needs the extra sentence-transformers.",
            form="name",
        ),
    )
    backend: str = setting(
        "faiss",
        Rule("Where entries are kept besides: postgres, in a store that a team shares.", choices=("faiss", "postgres")),
    )
    namespace: str = setting("", Rule("Whose answers may be shared; empty: the local user's own."))
    path: str = setting("", Rule("The store's folder; empty: the user's data folder.", form="path"))
    dsn: str = setting("", Rule("Where a shared store is, as a PostgreSQL connection string.", secret=True))
    dsn_read: str = setting(
        "", Rule("Where look-ups in the shared store go, a read replica; empty: to the dsn.", secret=True)
    )
    remote_timeout_ms: int = setting(
        200,
        Rule("How long a look-up waits for a shared store, in milliseconds.", minimum=1, maximum=60_000),
    )


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """`[service]`: the warm process and the proxy."""

    enabled: bool = setting(
        True, Rule("Use the service; as a variable, false also keeps a command from one that runs.")
    )
    auto_start: bool = setting(True, Rule("Start the service when it is first needed."))
    host: str = setting("127.0.0.1", Rule("The address that the proxy listens on.", form="name"))
    port: int = setting(8443, Rule("The port that the proxy listens on.", minimum=1, maximum=65_535))
    token: str = setting(
        "", Rule("What clients of the proxy must send as x-optafly-token; empty: nothing.", secret=True)
    )
    idle_minutes: float = setting(
        30.0, Rule("Minutes without a command after which the service ends.", above=0, maximum=525_600)
    )
    connection_pool: int = setting(
        4,
        Rule(
            "How many idle connections to the endpoint the proxy keeps, and to a shared store the service may have.",
            minimum=1,
            maximum=256,
        ),
    )


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`[provider]`: which model answers, and how long we wait.

    An empty `base_url` leaves the choice to the SDK (`ANTHROPIC_BASE_URL`, then api.anthropic.com);
    an empty `model` means the data file's default. `max_retry_wait_s` caps an obeyed `retry-after`.
    `extra_models` are names that a custom endpoint serves and the model data file does not know: they are sent as
    they are, and their prices are unknown.
    """

    model: str = setting("", Rule("The model that answers; empty: the model data's default."))
    max_tokens: int = setting(16_000, Rule("The most tokens that an answer may have.", minimum=1, maximum=1_000_000))
    base_url: str = setting(
        "", Rule("The endpoint; empty: ANTHROPIC_BASE_URL, then https://api.anthropic.com.", form="url")
    )
    key_variable: str = setting(
        "",
        Rule(
            "The environment variable that holds the API key; empty: ANTHROPIC_API_KEY and what the SDK knows besides."
        ),
    )
    project_keys: tuple[str, ...] = setting(
        (),
        Rule(
            'Other such variables for projects, as in "/home/me/work=WORK_API_KEY": the longest folder that holds '
            "the project counts.",
            form="name",
        ),
    )
    timeout_s: float = setting(600.0, Rule("Seconds to wait for the endpoint.", above=0, maximum=86_400))
    retries: int = setting(3, Rule("How often a request that failed is sent again.", minimum=0, maximum=20))
    max_retry_wait_s: float = setting(
        60.0,
        Rule("The longest wait before a retry that the endpoint may ask for, in seconds.", minimum=0, maximum=3600),
    )
    extra_models: tuple[str, ...] = setting(
        (),
        Rule("Model names that the endpoint serves and the model data lacks; their prices are unknown.", form="name"),
    )
    diagnostics: str = setting(
        "auto",
        Rule(
            "Ask why the prompt cache was not read; auto: of Anthropic's own endpoint only.",
            choices=("auto", "always", "never"),
        ),
    )


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """`[telemetry]`: local events only."""

    enabled: bool = setting(True, Rule("Count events in the store; they never leave the machine.", pending=True))
    sample_rate: float = setting(
        1.0, Rule("The share of runs whose events are kept.", minimum=0, maximum=1, pending=True)
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run may be told; immutable, passed down, never global."""

    refine: RefineSettings = field(default_factory=RefineSettings)
    lint: LintSettings = field(default_factory=LintSettings)
    route: RouteSettings = field(default_factory=RouteSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    provider: ProviderSettings = field(default_factory=ProviderSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
