"""A model file with its weights left where they are: the graph alone, which says at which byte of the file each begins.

onnxruntime keeps what it reads of a file and unpacks it, which takes twice the file's size in memory. Weights that a
graph names as external data it maps instead: those that it packs for its products are let go of afterwards, and of a
table of words only the rows that are looked up are ever read. It does not mind that the file of the data is the model.

The format: https://protobuf.dev/programming-guides/encoding and onnx.proto of https://github.com/onnx/onnx. Pure.
"""

from collections.abc import Iterator

Content = bytes | memoryview

_GRAPH, _INITIALIZER = 7, 5
_DATA_TYPE, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 2, 9, 13, 14
_KEY, _VALUE = 1, 2
_EXTERNAL = 1
_VARINT, _LENGTH = 0, 2
_ONE_BYTE_TYPES = (2, 3)
"""uint8 and int8: other weights would have to lie at a multiple of their size, and in a model file they do not."""
_LEAST = 4096


def without_weights(model: Content, file: str) -> bytes:
    """The ONNX model without its weights of one byte each; `file`: the name of the file that `model` is.

    Raises:
        ValueError, IndexError: it is no such model.
    """
    return b"".join(
        _field(_GRAPH, _graph(model, start, end, file)) if number == _GRAPH else bytes(model[tag:end])
        for number, tag, start, end in _fields(model, 0, len(model))
    )


def _graph(model: Content, at: int, until: int, file: str) -> bytes:
    return b"".join(
        _field(_INITIALIZER, _tensor(model, start, end, file)) if number == _INITIALIZER else bytes(model[tag:end])
        for number, tag, start, end in _fields(model, at, until)
    )


def _tensor(model: Content, at: int, until: int, file: str) -> bytes:
    found = {number: (tag, start, end) for number, tag, start, end in _fields(model, at, until)}
    if _RAW_DATA not in found or _number(model, found[_DATA_TYPE][1])[0] not in _ONE_BYTE_TYPES:
        return bytes(model[at:until])
    tag, start, end = found[_RAW_DATA]
    if end - start < _LEAST:
        return bytes(model[at:until])
    place = {"location": file, "offset": str(start), "length": str(end - start)}
    entries = [_field(_KEY, key.encode()) + _field(_VALUE, value.encode()) for key, value in place.items()]
    return b"".join(
        (
            model[at:tag],
            model[end:until],
            *(_field(_EXTERNAL_DATA, entry) for entry in entries),
            _encoded(_DATA_LOCATION << 3 | _VARINT),
            _encoded(_EXTERNAL),
        )
    )


def _fields(content: Content, at: int, until: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each field its number, and where its tag begins, its value begins, and its value ends."""
    while at < until:
        tag = at
        key, at = _number(content, at)
        match key & 7:
            case 2:
                length, at = _number(content, at)
                end = at + length
            case 0:
                end = _number(content, at)[1]
            case 1:
                end = at + 8
            case 5:
                end = at + 4
            case kind:
                raise ValueError(f"no field is of the kind {kind}")
        if end > until:
            raise ValueError("a field is longer than what it is in")
        yield key >> 3, tag, at, end
        at = end


def _number(content: Content, at: int) -> tuple[int, int]:
    """The varint there, and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _field(number: int, value: bytes) -> bytes:
    return _encoded(number << 3 | _LENGTH) + _encoded(len(value)) + value
