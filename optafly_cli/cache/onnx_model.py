"""Model files that ship with optafly: checked by digest, opened in onnxruntime.

Importing this imports neither numpy nor onnxruntime.
"""

import json
import os
from functools import cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from optafly_cli.cache.onnx_weights import without_weights


class ModelUnusableError(Exception):
    """A model file cannot be used; the message is one sentence."""


@cache
def facts(record: Path) -> dict[str, Any]:
    """What the JSON record beside a model says; `sha256` maps each of its files to a digest.

    Raises:
        ModelUnusableError: it is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(record.read_bytes())
        _ = dict(found["sha256"])
    except FileNotFoundError:
        raise ModelUnusableError(f"it is not installed: {record} is missing") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnusableError(f"{record} is damaged ({error!r})") from error
    return found


def checked(record: Path, name: str) -> Path:
    """The file of that name beside the record, when it is the one that the record promises.

    Raises:
        ModelUnusableError: it is missing, not readable or another one.
    """
    from hashlib import file_digest

    path = record.parent / name
    try:
        with path.open("rb") as file:
            digest = file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise ModelUnusableError(f"it is not installed: {path} is missing") from None
    except OSError as error:
        raise ModelUnusableError(f"{path} cannot be read: {error.strerror}") from error
    if digest != facts(record)["sha256"][name]:
        raise ModelUnusableError(f"it is damaged: {path} is not the file that optafly shipped")
    return path


def session(model: Path) -> Any:
    """An onnxruntime session of one thread for a graph that was optimised when it was made.

    Raises:
        ModelUnusableError: onnxruntime is missing or cannot run it.
    """
    # From 1.32 on, onnxruntime queues telemetry in ~/.cache/Microsoft unless this is set before it is imported
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelUnusableError(f"it needs a package that does not import: {error}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # A link may lead to the file (uv installs so), and data outside of the named folder is refused
    model = model.resolve()
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(model.parent))
    # onnxruntime's errors share no base below Exception
    state = onnxruntime.capi.onnxruntime_pybind11_state
    refused = (
        ValueError,
        IndexError,
        state.Fail,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NotImplemented,
        state.RuntimeException,
    )
    try:
        return onnxruntime.InferenceSession(_graph_of(model), options, providers=["CPUExecutionProvider"])
    except refused as error:
        raise ModelUnusableError(
            f"onnxruntime {onnxruntime.__version__} cannot run it, it needs 1.22 or later"
        ) from error


def _graph_of(model: Path) -> bytes:
    # Mapped: most of the file is not even read here
    with model.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content, memoryview(content) as view:
        return without_weights(view, model.name)
