"""The settings tree. Each field's default is the documented one; units are in the names.

The defaults come from the original system's integrated configuration (DESIGN.md, "Configuration").
"""

from dataclasses import dataclass, field
from typing import Literal

Approve = Literal["always", "unsafe", "never"]
Strategy = Literal["heuristic", "learned", "auto"]


@dataclass(frozen=True, slots=True)
class RefineSettings:
    """`[refine]`: when a prompt is rewritten and with what."""

    enabled: bool = True
    threshold: float = 0.7
    approve: Approve = "unsafe"
    max_context_tokens: int = 2048
    include_active_file: bool = True
    include_selection: bool = True
    include_project_structure: bool = True
    llm: str = "none"


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """`[route]`: how the request is arranged."""

    enabled: bool = True
    anchors: bool = True
    token_optimisation: bool = True
    strategy: Strategy = "auto"
    max_anchors: int = 4


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """`[cache]`: when a stored answer may be served again, and how much is kept.

    An empty `namespace` means the local user; an empty `path` means `platformdirs.user_data_path`.
    """

    enabled: bool = True
    similarity: float = 0.85
    max_error_rate: float = 0.01
    ttl_days: float = 30.0
    max_size_gb: float = 5.0
    embedding_model: str = "all-MiniLM-L6-v2"
    backend: str = "faiss"
    namespace: str = ""
    path: str = ""
    dsn: str = ""
    remote_timeout_ms: int = 200


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """`[service]`: the warm process and the proxy."""

    auto_start: bool = True
    host: str = "127.0.0.1"
    port: int = 8443
    idle_minutes: float = 30.0
    connection_pool: int = 4


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """`[provider]`: which model answers, and how long we wait.

    An empty `base_url` leaves the choice to the SDK (`ANTHROPIC_BASE_URL`, then api.anthropic.com);
    an empty `model` means the data file's default. `max_retry_wait_s` caps an obeyed `retry-after`.
    """

    model: str = ""
    max_tokens: int = 16_000
    base_url: str = ""
    timeout_s: float = 600.0
    retries: int = 3
    max_retry_wait_s: float = 60.0


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """`[telemetry]`: local events only."""

    enabled: bool = True
    sample_rate: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run may be told; immutable, passed down, never global."""

    refine: RefineSettings = field(default_factory=RefineSettings)
    route: RouteSettings = field(default_factory=RouteSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)
    provider: ProviderSettings = field(default_factory=ProviderSettings)
    telemetry: TelemetrySettings = field(default_factory=TelemetrySettings)
