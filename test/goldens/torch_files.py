"""Small files as `torch.save` has written them since 1.13, and what they hold as safetensors.

Made with PyTorch 1.13.1, 2.1.2 and 2.13.0, and safetensors 0.8.0, on Python 3.11: one zip of each, and by 2.13 one in the format of before 1.6.
Usage: python torch_files.py   (writes beside itself torch-VERSION.bin; 2.13 also the others)
"""
import pathlib
from collections import OrderedDict

import torch

here = pathlib.Path(__file__).parent
version = ".".join(torch.__version__.split(".")[:2])


def content():
    model = torch.nn.Sequential(OrderedDict(dense=torch.nn.Linear(3, 2), norm=torch.nn.BatchNorm1d(2)))
    with torch.no_grad():
        for k, parameter in enumerate(model.parameters()):
            parameter.copy_(torch.arange(parameter.numel()).reshape(parameter.shape) / 4 - k)
    state = model.state_dict()  # an OrderedDict with `_metadata`; num_batches_tracked is an int64 without dimensions
    matrix = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 8
    state["tied"] = state["dense.weight"]
    state["whole"] = matrix
    state["transposed"] = matrix.t()
    state["part"] = matrix[1:, ::2]
    state["columns"] = matrix[:, 1:3].t()
    state["expanded"] = matrix[1:2].expand(3, 4)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(torch.tensor([0.5, -0.5]))
    for name in ("float64", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool"):
        state[name] = torch.tensor([[0, 1, 3], [2, 0, 1]]).to(getattr(torch, name))
    state["position_ids"] = torch.arange(4).expand((1, -1))
    return state


state = content()
torch.save(state, here / f"torch-{version}.bin")
if version == "2.13":
    torch.save(state, here / "torch-legacy.bin", _use_new_zipfile_serialization=False)
    from safetensors.torch import save_file

    save_file({name: t.contiguous().clone() for name, t in state.items()}, here / "torch.safetensors")
