"""Models written by the Python `onnx` package: what our encoder must write byte for byte, and our decoder must read.

    .venv/bin/pip install onnx==1.23.1 numpy
    .venv/bin/python from_onnx.py OUT

Writes OUT/onnx.json: `exact` uses every attribute kind and raw data; `typed` holds the same weights in typed fields.
src/onnx/encode.test.ts builds the first model by hand.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

W = np.array([[1, 2], [3, -4.5]], dtype=np.float32)
AXES = np.array([0, -1], dtype=np.int64)


def exact():
    branch = helper.make_graph(
        [helper.make_node("Identity", ["h"], ["z"])], "branch", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, [])])
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("If", ["c"], ["i"], then_branch=branch),
        helper.make_node("Gelu", ["h"], ["y"], domain="com.microsoft"),
        helper.make_node("Made", ["", "y"], ["s"], f=0.5, i=-3, k="näme", t=numpy_helper.from_array(AXES), fs=[1.5, -2.0],
                         js=[7, -1, 2**40], ss=["a", "b"]),
    ]
    # make_node sorts attributes by name
    graph = helper.make_graph(
        nodes, "exact",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2, None]), helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None), helper.make_tensor_sequence_value_info("s", TensorProto.INT64, None)],
        [numpy_helper.from_array(W, "w"), numpy_helper.from_array(W.astype(np.float16), "half")],
        value_info=[helper.make_tensor_value_info("h", TensorProto.FLOAT, ["batch", 2])])
    model = helper.make_model(graph, ir_version=9, producer_name="espalier", producer_version="0",
                              opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
    helper.set_model_props(model, {"labels": "no,yes"})
    return model


def typed():
    tensor = lambda name, kind, values: helper.make_tensor(name, kind, [len(values)], values)
    initializers = [
        tensor("float32", TensorProto.FLOAT, [1.5, -2]), tensor("float64", TensorProto.DOUBLE, [1.5, -2]),
        tensor("float16", TensorProto.FLOAT16, [1.5, -2]), tensor("int64", TensorProto.INT64, [-1, 2**62]),
        tensor("int32", TensorProto.INT32, [-1, 7]), tensor("int8", TensorProto.INT8, [-1, 7]),
        tensor("uint8", TensorProto.UINT8, [255, 7]), tensor("bool", TensorProto.BOOL, [1, 0]),
    ]
    return helper.make_model(helper.make_graph([], "typed", [], [], initializers), ir_version=9, opset_imports=[helper.make_opsetid("", 20)])


Path(sys.argv[1], "onnx.json").write_text(json.dumps(dict(
    script="test/goldens/from_onnx.py", versions=dict(onnx=onnx.__version__),
    exact=exact().SerializeToString().hex(), typed=typed().SerializeToString().hex()), indent=1) + "\n")
