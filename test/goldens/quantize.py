"""A small model and what onnxruntime's own tool makes of it: test/goldens/quantized.json.

    pip install onnx==1.23.1 onnxruntime==1.30.0 && python test/goldens/quantize.py

y = Gelu(x·W1ᵀ + b1)·W2ᵀ + x·W3ᵀ with x the rows `ids` of a table, plus b0: a table, a layer with a bias, two
without, and two that read one activation. Weights are drawn once and stored in the model; one row of W1 is zero.
"""

import base64
import json
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = pathlib.Path(__file__).parent
IDS = [5, 0, 6, 2]


def model() -> onnx.ModelProto:
    draw = np.random.default_rng(0)
    weights = {
        "table": draw.normal(0.1, 1, (7, 16)),
        "b0": draw.normal(0, 0.1, 16),
        "w1": draw.normal(0, 0.4, (24, 16)),
        "b1": draw.normal(0, 0.1, 24),
        "w2": draw.normal(0, 0.2, (3, 24)),
        "w3": draw.normal(0, 0.2, (3, 16)),
    }
    weights["w1"][4] = 0
    linear = {"transB": 1}
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"], axis=0),
        helper.make_node("Add", ["rows", "b0"], ["x"]),
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"], **linear),
        helper.make_node("Gelu", ["h"], ["a"]),
        helper.make_node("Gemm", ["a", "w2"], ["p"], **linear),
        helper.make_node("Gemm", ["x", "w3"], ["q"], **linear),
        helper.make_node("Add", ["p", "q"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quantized",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def outputs(path: pathlib.Path) -> list[float]:
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["y"], {"ids": np.array(IDS)})[0].ravel().tolist()


with tempfile.TemporaryDirectory() as folder:
    plain, quantized = pathlib.Path(folder) / "plain.onnx", pathlib.Path(folder) / "int8.onnx"
    onnx.save(model(), plain)
    quantize_dynamic(plain, quantized, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    golden = {
        "versions": {"onnx": onnx.__version__, "onnxruntime": ort.__version__},
        "ids": IDS,
        "plain": base64.b64encode(plain.read_bytes()).decode(),
        "quantized": base64.b64encode(quantized.read_bytes()).decode(),
        "y": outputs(plain),
        "yQuantized": outputs(quantized),
    }
(HERE / "quantized.json").write_text(json.dumps(golden, indent=1) + "\n")
