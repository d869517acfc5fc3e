"""optafly serve: the HTTP proxy."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from optafly_cli.cli import options as opt
from optafly_cli.cli.app import StageCommand, examples, new_app
from optafly_cli.cli.session import load
from optafly_cli.cli.ui import Ui

if TYPE_CHECKING:
    import socket

    from optafly_cli.service.proxy.app import ProxySettings

app = new_app()


@app.command(
    cls=StageCommand,
    epilog=examples(
        "optafly serve",
        "optafly serve --port 9000 --upstream https://api.anthropic.com",
        "ANTHROPIC_BASE_URL=http://127.0.0.1:8443 claude",
    ),
)
def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option("--host", metavar="H", help="The address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="P", min=0, max=65_535, help="The port to listen on; 0: a free one.")
    ] = None,
    upstream: Annotated[
        str | None, typer.Option("--upstream", metavar="URL", help="The endpoint that answers what the store cannot.")
    ] = None,
    allow_remote: Annotated[
        bool,
        typer.Option("--allow-remote", help="Let other machines in; they must send [service] token."),
    ] = False,
    grace: Annotated[
        float, typer.Option("--grace", metavar="S", min=0, help="Seconds to finish what is under way at the end.")
    ] = 30.0,
    json: opt.Json = False,
) -> int:
    """Put any Anthropic client behind the cache: a proxy that speaks the Messages API.

    Point a client at it with ANTHROPIC_BASE_URL=http://127.0.0.1:8443.
    """
    ui: Ui = ctx.obj
    ui.json = json
    from optafly_cli.service.proxy.server import serve as run

    flags = {"service.host": host, "service.port": port or None, "provider.base_url": upstream}
    given: dict[str, object] = {name: value for name, value in flags.items() if value is not None}
    made_from, made = _open(ui, given, allow_remote=allow_remote, any_port=port == 0)
    address, bound = made.getsockname()[:2]
    url = f"http://{f'[{address}]' if ':' in address else address}:{bound}"

    def ready(_stop: object) -> None:
        if ui.json:
            ui.document("serve", {"url": url, "upstream": made_from.shown, "pid": os.getpid()})
            ui.write("", flush=True)
        else:
            ui.note(f"listening on {url}, asking {made_from.shown}; Ctrl-C ends it")

    run(made_from, made, ready=ready, say=ui.warn, detail=ui.detail, grace_s=grace)
    return 0


def _open(
    ui: Ui, flags: dict[str, object], *, allow_remote: bool, any_port: bool
) -> "tuple[ProxySettings, socket.socket]":
    """The proxy's settings, and the socket that it listens on."""
    from optafly_cli.service.proxy.server import check_upstream, listen
    from optafly_cli.service.proxy.setup import proxy_settings

    loaded = load(ui, flags).settings
    made_from = proxy_settings(loaded, os.environ, remote=allow_remote)
    service = loaded.service
    port = 0 if any_port else service.port
    made = listen(service.host, port, allow_remote=allow_remote, token=service.token)
    try:
        check_upstream(made_from.upstream, made_from.shown, made)
    except BaseException:
        made.close()
        raise
    return made_from, made
