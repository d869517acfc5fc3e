"""What can go wrong in a way that a user can do something about.

OptaflyError (70: a fault of ours)
├── UsageError (2)           the command line or the prompt
│   ├── FileProblem              a path that was named
│   └── UnknownModelError        a model that the data file does not have
├── ProviderError (3)        the endpoint failed, or its answer is not complete
├── ConfigError (4)          a configuration file or variable
│   └── CredentialsError         no key, or a key that was refused
├── StoreError (5)           the store cannot be used
├── Declined (1)             a question of ours was answered with no
└── Interrupted (130)        Ctrl-C

Each carries one sentence that says what is wrong and where, and, when there is one, a remedy. Only
`optafly_cli.cli.handler` turns them into output and exit codes.
"""

from typing import ClassVar


class OptaflyError(Exception):
    """The root: a message for a person, an exit code, a stable code for programs.

    `partial` is what had been produced before the failure; it still belongs on stdout.
    """

    exit_code: ClassVar[int] = 70
    code: str = "internal"

    def __init__(
        self, message: str, *, remedy: str | None = None, code: str | None = None, partial: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.partial = partial
        if code is not None:
            self.code = code


class UsageError(OptaflyError):
    """The command line or the prompt cannot be worked with."""

    exit_code = 2
    code = "usage"


class FileProblem(UsageError):
    """A path that the user named is missing, a directory, binary, unreadable, too large, or too short."""

    code = "file"


class UnknownModelError(UsageError):
    """The model is in no row of the model data file."""

    code = "unknown_model"


class ProviderError(OptaflyError):
    """The endpoint failed, or what it sent is not a complete answer.

    `code` is one of: unreachable, timeout, rate_limit, overloaded, rejected, not_found, too_large,
    server, stream_error, stream_cut, refusal, max_tokens, incomplete, protocol.
    """

    exit_code = 3
    code = "provider"


class ConfigError(OptaflyError):
    """A configuration file or an `OPTAFLY_*` variable has an unknown key or a bad value."""

    exit_code = 4
    code = "config"


class CredentialsError(ConfigError):
    """There is no API key, or the endpoint refused it."""

    code = "credentials"


class StoreError(OptaflyError):
    """The store cannot be read or written; nothing in it was touched.

    `code` is one of: store, store_future, store_damaged, store_readonly, store_full, store_busy.
    """

    exit_code = 5
    code = "store"


class Declined(OptaflyError):
    """The user was asked and said no: what was asked about is not done. Told as a note; it is no error."""

    exit_code = 1
    code = "declined"


class Interrupted(OptaflyError):
    """The user pressed Ctrl-C, or closed the input while being asked."""

    exit_code = 130
    code = "interrupted"
