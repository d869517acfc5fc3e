"""Runs llama.cpp's server in this process until it is killed: `python llama_serve.py MODEL_FILE PORT NAME KEY`."""

import sys
import threading
from importlib import import_module


def main(model_file: str, port: str, name: str, key: str) -> None:
    """One slot and no randomness, so that answers and prefix reuse are the same on every run."""
    # Not an import statement: it has no types, and type checkers run without it
    xllamacpp = import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_file
    parameters.model_alias = {name}
    parameters.api_keys = [key]
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = int(port)
    parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = 8192, 1, 0
    parameters.cpuparams.n_threads = 2
    parameters.sampling.temp = 0.0
    parameters.use_jinja = True
    parameters.warmup = False
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
