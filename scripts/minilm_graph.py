"""The ONNX graph of all-MiniLM-L6-v2, written out by hand from its weights, for onnxruntime on a CPU.

One graph from token ids to unit vectors: (n, length) int64 `input_ids` and `attention_mask` in, (n, 384) float32
`embedding` out. Mean pooling and L2 normalisation are inside. There is nothing left to optimise: attention is one node
as onnxruntime's "extended" level makes it, and an addition stays apart from the layer norm or Gelu behind it where that
is faster. So a session loads with optimisations off, and nothing in the file is particular to one CPU.

Two liberties, both exact: the token type is always 0, so its row is added to the position table, and only the first
256 positions are kept, because the model reads no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Weight = npt.NDArray[np.float32]
Weights = Mapping[str, Weight]
Maxima = Mapping[str, Weight]
"""Of the nodes that feed a product, the largest absolute value of each channel, (384,)."""

LAYERS = 6
HEADS = 12
WIDTH = 384
POSITIONS = 256
EPSILON = 1e-12
SMOOTHING = 0.75
"""How much of the outliers of activations goes into the weights, 0 to 1."""
_PAIR = 127
"""Of two neighbouring weights: 255 times their sum, and one for rounding, has to fit into 16 bits with a sign."""
CONTRIB = "com.microsoft"
FEEDING = ("embeddings", *(f"layer{index}.{norm}" for index in range(LAYERS) for norm in ("norm1", "norm2")))
"""The nodes whose values feed a product and can be made smaller for it."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How weights are stored.

    `block`: that many neighbouring weights of a row share a scale; 0 keeps float32 matrices. `integer`: multiply in
    int8, with activations rounded per row and block; else weights are widened to float32 first. `whole`: where it costs
    no accuracy, one scale for a row of weights and one for all activations of a run. `table`: keep the word embedding
    table as int8 with a scale per row.
    """

    name: str
    block: int = 0
    integer: bool = True
    whole: bool = False
    table: bool = True


class _Graph:
    """Collects nodes and initializers; every method returns the name of what it made."""

    def __init__(self, scheme: Scheme, maxima: Maxima) -> None:
        self.scheme = scheme
        self.maxima = maxima
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []

    def tensor(self, name: str, values: npt.NDArray[np.generic]) -> str:
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, *, domain: str = "", **attributes: object) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes))
        return output

    def linear(self, value: str, name: str, weight: Weight, bias: str = "", *, whole: bool = False) -> str:
        """`value` times the transpose of `weight`, (out, in), plus `bias`. `whole`: its activations stand one scale."""
        if whole and self.scheme.whole:
            return self._whole(value, name, weight, bias)
        if not bias:
            return self._product(value, name, weight, name)
        return self.node("Add", [self._product(value, name, weight, f"{name}.product"), bias], name)

    def _product(self, value: str, name: str, weight: Weight, output: str) -> str:
        out, width = weight.shape
        if not self.scheme.block:
            return self.node("MatMul", [value, self.tensor(f"{name}.weight", weight.T)], output)
        codes, scales = _blocks(weight, self.scheme.block)
        inputs = [value, self.tensor(f"{name}.codes", codes), self.tensor(f"{name}.scales", scales)]
        how = {"K": width, "N": out, "bits": 8, "block_size": self.scheme.block}
        level = 4 if self.scheme.integer else 1
        return self.node("MatMulNBits", inputs, output, domain=CONTRIB, accuracy_level=level, **how)

    def _whole(self, value: str, name: str, weight: Weight, bias: str) -> str:
        """Twice as fast as blocks.

        Channels with outliers are made smaller and their weights larger (SmoothQuant, arXiv 2211.10438, equation 4).
        """
        if value in self.maxima:
            factors = self.maxima[value] ** SMOOTHING / np.abs(weight).max(axis=0) ** (1 - SMOOTHING)
            factors = factors.astype(np.float32)
            value = self.node("Mul", [value, self.tensor(f"{name}.smooth", 1 / factors)], f"{name}.smoothed")
            weight = weight * factors
        codes, scales = _rows(weight)
        inputs = [value, self.tensor(f"{name}.codes", codes.T), self.tensor(f"{name}.scales", scales), "", bias]
        return self.node("DynamicQuantizeMatMul", inputs, name, domain=CONTRIB)

    def table(self, ids: str, table: npt.NDArray[np.float32]) -> str:
        """The rows of the word embedding table, (n, length, 384)."""
        if not self.scheme.table:
            return self.node("Gather", [self.tensor("words.table", table), ids], "words")
        scale = np.abs(table).max(axis=1, keepdims=True) / 127
        codes = np.rint(table / scale).astype(np.int8)
        rows = self.node("Gather", [self.tensor("words.codes", codes), ids], "words.rows")
        scales = self.node("Gather", [self.tensor("words.scales", scale.astype(np.float32)), ids], "words.scale")
        wide = self.node("Cast", [rows], "words.wide", to=TensorProto.FLOAT)
        return self.node("Mul", [wide, scales], "words")

    def skip_norm(self, value: str, skip: str, name: str, weights: Weights, key: str) -> str:
        """Layer norm of `value` + `skip`."""
        gamma = self.tensor(f"{name}.gamma", weights[f"{key}.weight"])
        beta = self.tensor(f"{name}.beta", weights[f"{key}.bias"])
        # SkipLayerNormalization is one node for the two, and takes twice as long
        summed = self.node("Add", [value, skip], f"{name}.sum")
        return self.node("LayerNormalization", [summed, gamma, beta], name, axis=-1, epsilon=EPSILON)


def _blocks(weight: npt.NDArray[np.float32], block: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Codes (out, blocks, block) around 128 and scales (out * blocks,): |code - 128| <= 127."""
    out, width = weight.shape
    parts = weight.reshape(out, width // block, block)
    scales = np.abs(parts).max(axis=2) / 127
    codes = np.rint(parts / scales[:, :, None]) + 128
    return codes.astype(np.uint8), scales.astype(np.float32).reshape(-1)


def _rows(weight: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Codes (out, in) and scales (out,).

    Processors without VNNI add two neighbouring products of a code and an activation up in 16 bits, and cut off what is
    more: no two neighbouring codes are large enough for it, so that they count as the others do.
    """
    scales = np.abs(weight).reshape(len(weight), -1, 2).sum(axis=2).max(axis=1) / _PAIR
    return np.rint(weight / scales[:, None]).astype(np.int8), scales.astype(np.float32)


def _embed(graph: _Graph, weights: Weights) -> str:
    words = graph.table("input_ids", weights["embeddings.word_embeddings.weight"])
    positions = weights["embeddings.position_embeddings.weight"][:POSITIONS]
    positions = positions + weights["embeddings.token_type_embeddings.weight"][0]
    shape = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    zero = graph.tensor("zero", np.array([0], dtype=np.int64))
    table = graph.tensor("positions.table", positions)
    row = graph.node("Slice", [table, zero, shape, zero], "positions")
    summed = graph.node("Add", [words, row], "embeddings.sum")
    gamma = graph.tensor("embeddings.gamma", weights["embeddings.LayerNorm.weight"])
    beta = graph.tensor("embeddings.beta", weights["embeddings.LayerNorm.bias"])
    return graph.node("LayerNormalization", [summed, gamma, beta], "embeddings", axis=-1, epsilon=EPSILON)


def _layer(graph: _Graph, weights: Weights, index: int, value: str) -> str:
    key, name = f"encoder.layer.{index}", f"layer{index}"

    def linear(value: str, short: str, long: str, *, whole: bool = True) -> str:
        bias = graph.tensor(f"{name}.{short}.bias", weights[f"{key}.{long}.dense.bias"])
        return graph.linear(value, f"{name}.{short}", weights[f"{key}.{long}.dense.weight"], bias, whole=whole)

    parts = [f"{key}.attention.self.{part}" for part in ("query", "key", "value")]
    together = np.concatenate([weights[f"{part}.weight"] for part in parts])
    merged = graph.linear(value, f"{name}.qkv", together, whole=True)
    bias = graph.tensor(f"{name}.qkv.bias", np.concatenate([weights[f"{part}.bias"] for part in parts]))
    split = [f"{name}.query", f"{name}.key", f"{name}.value"]
    graph.nodes.append(helper.make_node("Split", [merged], split, name=f"{name}.split", axis=-1, num_outputs=3))
    inputs = [*split, bias, "mask"]
    heads = graph.node("MultiHeadAttention", inputs, f"{name}.heads", domain=CONTRIB, num_heads=HEADS)
    attended = linear(heads, "attended", "attention.output")
    value = graph.skip_norm(attended, value, f"{name}.norm1", weights, f"{key}.attention.output.LayerNorm")
    active = graph.node("Gelu", [linear(value, "up", "intermediate")], f"{name}.gelu", domain=CONTRIB)
    # Some tokens have outliers here that would take the others' accuracy
    down = linear(active, "down", "output", whole=False)
    return graph.skip_norm(down, value, f"{name}.norm2", weights, f"{key}.output.LayerNorm")


def _pool(graph: _Graph, value: str) -> None:
    """Mean over real tokens, then unit length: for unit vectors the sum does as well as the mean."""
    last = graph.tensor("last", np.array([-1], dtype=np.int64))
    one = graph.tensor("one", np.array([1], dtype=np.int64))
    wide = graph.node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    column = graph.node("Unsqueeze", [wide, last], "mask.column")
    kept = graph.node("Mul", [value, column], "kept")
    total = graph.node("ReduceSum", [kept, one], "total", keepdims=0)
    length = graph.node("ReduceL2", [total, last], "total.length", keepdims=1)
    floor = graph.tensor("floor", np.array(1e-12, dtype=np.float32))
    safe = graph.node("Max", [length, floor], "total.safe")
    graph.node("Div", [total, safe], "embedding")


def _score(graph: _Graph, value: str, weights: Weights) -> None:
    """Mean over real tokens, then one linear unit: (n,) `logit`."""
    one = graph.tensor("one", np.array([1], dtype=np.int64))
    last = graph.tensor("last", np.array([-1], dtype=np.int64))
    wide = graph.node("Cast", ["attention_mask"], "mask.float", to=TensorProto.FLOAT)
    column = graph.node("Unsqueeze", [wide, last], "mask.column")
    kept = graph.node("Mul", [value, column], "kept")
    total = graph.node("ReduceSum", [kept, one], "total", keepdims=0)
    count = graph.node("ReduceSum", [wide, one], "count", keepdims=1)
    mean = graph.node("Div", [total, count], "mean")
    product = graph.node("MatMul", [mean, graph.tensor("head.weight", weights["head.weight"].T)], "head")
    column = graph.node("Add", [product, graph.tensor("head.bias", weights["head.bias"])], "head.sum")
    graph.node("Squeeze", [column, last], "logit")


def build(weights: Weights, scheme: Scheme, maxima: Maxima | None = None) -> ModelProto:
    """The embedder's graph. `weights` are named as in the BERT checkpoint, float32; a `whole` scheme needs `maxima`."""
    graph, value = _encoder(weights, scheme, maxima)
    _pool(graph, value)
    return _model(graph, "all-MiniLM-L6-v2", "embedding", ["n", WIDTH])


def build_classifier(weights: Weights, scheme: Scheme, maxima: Maxima | None = None) -> ModelProto:
    """The graph of the verifier's cross-encoder: (n,) `logit`. `weights` also hold `head.weight` and `head.bias`."""
    graph, value = _encoder(weights, scheme, maxima)
    _score(graph, value, weights)
    return _model(graph, "optafly-verifier", "logit", ["n"])


def _encoder(weights: Weights, scheme: Scheme, maxima: Maxima | None) -> tuple[_Graph, str]:
    graph = _Graph(scheme, maxima or {})
    graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    value = _embed(graph, weights)
    for index in range(LAYERS):
        value = _layer(graph, weights, index, value)
    return graph, value


def _model(graph: _Graph, name: str, output: str, shape: list[str | int]) -> ModelProto:
    batch = ["n", "length"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, batch) for name in ("input_ids", "attention_mask")]
    result = helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)
    proto = helper.make_graph(graph.nodes, name, inputs, [result], graph.tensors)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=9, producer_name="optafly export_model")
