"""Go on training from a cross-encoder that was exported: its int8 weights as floats again."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper

from scripts.minilm_graph import LAYERS, WIDTH
from training.cross_encoder import CrossEncoder


def unpack(exported: Path, model: CrossEncoder) -> None:
    """Put the weights of an exported model.onnx into a cross-encoder; the word table is the embedder's, and stays."""
    tensors = {item.name: numpy_helper.to_array(item) for item in onnx.load(exported).graph.initializer}
    state = model.state_dict()

    def put(name: str, value: npt.NDArray[np.generic]) -> None:
        state[name].copy_(torch.from_numpy(np.ascontiguousarray(value.reshape(state[name].shape), dtype=np.float32)))

    def matrix(name: str) -> npt.NDArray[np.float32]:
        codes, scales = tensors[f"{name}.codes"], tensors[f"{name}.scales"]
        wide: npt.NDArray[np.float32]
        if codes.dtype == np.int8:
            wide = codes.T * scales[:, None] * tensors.get(f"{name}.smooth", np.float32(1))
        else:
            blocks = codes.astype(np.float32) - 128
            wide = (blocks * scales.reshape(*codes.shape[:2], 1)).reshape(len(codes), -1)
        return wide

    for at in range(LAYERS):
        key, name = f"encoder.encoder.layer.{at}", f"layer{at}"
        whole, bias = matrix(f"{name}.qkv"), tensors[f"{name}.qkv.bias"]
        for place, part in enumerate(("query", "key", "value")):
            rows = slice(place * WIDTH, (place + 1) * WIDTH)
            put(f"{key}.attention.self.{part}.weight", whole[rows])
            put(f"{key}.attention.self.{part}.bias", bias[rows])
        for short, long in (("attended", "attention.output"), ("up", "intermediate"), ("down", "output")):
            put(f"{key}.{long}.dense.weight", matrix(f"{name}.{short}"))
            put(f"{key}.{long}.dense.bias", tensors[f"{name}.{short}.bias"])
        for short, long in (("norm1", "attention.output"), ("norm2", "output")):
            put(f"{key}.{long}.LayerNorm.weight", tensors[f"{name}.{short}.gamma"])
            put(f"{key}.{long}.LayerNorm.bias", tensors[f"{name}.{short}.beta"])
    put("head.weight", tensors["head.weight"].T)
    put("head.bias", tensors["head.bias"])
