#!/usr/bin/env python3
"""Writes what the tests of layers and models compare with: PyTorch in float64, in layers.txt.

Inputs, parameters and gradients from above are whole numbers over powers of two, so that float and double compute the same
problem; number() makes them from their position, and the test repeats it.

Usage: tests/reference/generate_layers.py [--check] [--to DIRECTORY]
  --to DIRECTORY    where to write, or to read with --check; default: the directory of this script
  --check           writes nothing; the file's numbers must be what comes out, to 1e-13 of the largest of each tensor

layers.txt
  case NAME [eval]        a layer, or a network, and its options; in training unless `eval`
  ROLE EXTENTS : NUMBERS  a tensor; or EXTENTS = SEED SCALE OFFSET, which is offset + scale number(i, seed). Roles:
                          input, before (an input that goes through first), a parameter's or buffer's name, mask.…; output,
                          upstream (the gradient that output gets; .second and .maps: of a network's second head and of
                          attention maps), d.input, d.NAME (gradients), after.NAME (buffers afterwards)
"""
import math

import torch
import torch.nn.functional as F

import numbers_file

torch.set_default_dtype(torch.float64)


def number(i, seed):
    """In [-2, 2), 18 bits after the point: exact in float, its products are not."""
    return ((i * 7919 + seed * 104729 + 12345) * 69621 % 1048573 - 524286) / 262144


def filled(shape, seed, scale=1.0, offset=0.0):
    result = torch.tensor([offset + scale * number(i, seed) for i in range(math.prod(shape))]).reshape(shape)
    result.formula = f"{seed} {scale:.17g} {offset:.17g}"  # no copy of it has one
    return result


class weights(dict):
    """Parameters by name, each from a seed of its own."""

    def add(self, name, *shape, scale=0.5, offset=0.0):
        self[name] = filled(shape, 50 + len(self), scale, offset)
        return self

    def linear(self, place, inputs, outputs, scale=0.5):
        return self.add(f"{place}weight", inputs, outputs, scale=scale).add(f"{place}bias", outputs)

    def conv(self, place, inputs, outputs, kernel, groups=1, bias=True, scale=0.25):
        self.add(f"{place}weight", outputs, inputs // groups, kernel, kernel, scale=scale)
        return self.add(f"{place}bias", outputs) if bias else self

    def norm(self, place, features):
        return self.add(f"{place}weight", features, scale=0.25, offset=1).add(f"{place}bias", features)

    def attention(self, place, width):
        return self.linear(f"{place}in.", width, 3 * width).linear(f"{place}out.", width, width)


class file:
    def __init__(self):
        self.lines = []

    def tensor(self, role, values):
        extents = " ".join(map(str, values.shape))
        numbers = " ".join(f"{v:.17g}" for v in values.detach().flatten().tolist())
        formula = getattr(values, "formula", None)
        self.lines.append(f"{role} {extents} " + (f"= {formula}" if formula else f": {numbers}"))

    def case(self, name, shape, run, parameters=None, training=True, masks=None, before=None, buffers=None, scale=1.0):
        """run(x, parameters, buffers) gives the output, or a dictionary {"": output, ".second": …}."""
        x = shape if isinstance(shape, torch.Tensor) else filled(shape, 1, scale)
        self.lines.append(f"case {name}" + ("" if training else " eval"))
        for role, values in ({"input": x} | (parameters or {}) | (buffers or {}) | (masks or {})).items():
            self.tensor(role, values)
        x = x.clone().requires_grad_()
        parameters = {k: v.clone().requires_grad_() for k, v in (parameters or {}).items()}
        buffers = {k: v.clone() for k, v in (buffers or {}).items()}
        if before is not None:
            self.tensor("before", before)
            run(before, parameters, buffers)
        outputs = run(x, parameters, buffers)
        outputs = outputs if isinstance(outputs, dict) else {"": outputs}
        total = 0
        for k, (suffix, y) in enumerate(outputs.items()):
            upstream = filled(y.shape, 30 + k)
            total = total + (y * upstream).sum()
            self.tensor("output" + suffix, y)
            self.tensor("upstream" + suffix, upstream)
        leaves = {"input": x} | parameters
        gradients = torch.autograd.grad(total, leaves.values(), allow_unused=True)
        for role, gradient in zip(leaves, gradients, strict=True):
            if gradient is not None:
                self.tensor(f"d.{role}", gradient)
        if training:
            for role, values in buffers.items():
                self.tensor(f"after.{role}", values)


def linear(x, p, place=""):
    return x @ p[f"{place}weight"] + p[f"{place}bias"]


def conv(x, p, place="", **options):
    return F.conv2d(x, p[f"{place}weight"], p.get(f"{place}bias"), **options)


def layer_norm(x, p, place="", axes=1):
    return F.layer_norm(x, x.shape[-axes:], p[f"{place}weight"].reshape(x.shape[-axes:]),
                        p[f"{place}bias"].reshape(x.shape[-axes:]), 1e-5)


def batch_norm(x, p, buffers, place="", training=True):
    """F.batch_norm with running statistics changed in place; momentum 0.1, PyTorch's."""
    return F.batch_norm(x, buffers[f"{place}running_mean"], buffers[f"{place}running_variance"], p[f"{place}weight"],
                        p[f"{place}bias"], training, 0.1, 1e-5)


def running(buffers, place, channels, fresh=True):
    seed = 90 + len(buffers)
    buffers[f"{place}running_mean"] = torch.zeros(channels) if fresh else filled((channels,), seed, 0.5)
    buffers[f"{place}running_variance"] = torch.ones(channels) if fresh else filled((channels,), seed + 1, 0.25, 1)
    return buffers


def attention(x, p, heads, place="", pairs=None, keys=None):
    """torch.nn.MultiheadAttention with our parameters in the place of its own: output and maps."""
    width = x.shape[-1]
    module = torch.nn.MultiheadAttention(width, heads, batch_first=True)
    own = {"in_proj_weight": p[f"{place}in.weight"].T, "in_proj_bias": p[f"{place}in.bias"],
           "out_proj.weight": p[f"{place}out.weight"].T, "out_proj.bias": p[f"{place}out.bias"]}
    return torch.func.functional_call(module, own, (x, x, x), {
        "need_weights": True, "average_attn_weights": False, "attn_mask": pairs, "key_padding_mask": keys})


def attended(heads, pairs=None, keys=None):
    def run(x, p, _):
        y, maps = attention(x, p, heads, pairs=pairs, keys=keys)
        return {"": y, ".maps": maps}
    return run


def elementwise(out):
    out.case("gelu", (3, 7), lambda x, p, b: F.gelu(x), scale=3)
    out.case("gelu_tanh", (3, 7), lambda x, p, b: F.gelu(x, approximate="tanh"), scale=3)
    out.case("silu", (3, 7), lambda x, p, b: F.silu(x), scale=4)
    out.case("tanh", (3, 7), lambda x, p, b: torch.tanh(x), scale=2)
    out.case("sigmoid", (3, 7), lambda x, p, b: torch.sigmoid(x), scale=4)
    out.case("relu", (3, 7), lambda x, p, b: F.relu(x))
    out.case("softmax", (2, 3, 11), lambda x, p, b: torch.softmax(x, -1), scale=3)
    masked = filled((3, 11), 2).clone()
    masked[0, 3:7] = masked[2, :10] = -math.inf
    out.case("softmax masked", masked, lambda x, p, b: torch.softmax(x, -1))
    out.case("log_softmax", (2, 3, 11), lambda x, p, b: torch.log_softmax(x, -1), scale=3)


def shaped(out):
    out.case("flatten", (2, 3, 2, 2), lambda x, p, b: x.flatten(1))
    out.case("concatenate", (2, 4, 3), lambda x, p, b: torch.cat([x[:, 1:3], x, x * x], 1))
    out.case("split", (2, 3, 6), lambda x, p, b: (lambda q, k, v: q * v + k)(*x.chunk(3, 2)))
    out.case("tokens", (2, 3, 4, 5), lambda x, p, b: x.flatten(2).transpose(1, 2))
    out.case("pixels", (2, 6, 5), lambda x, p, b: x.transpose(1, 2).reshape(2, 5, 2, 3))
    out.case("mean_over_tokens", (2, 5, 9), lambda x, p, b: x.mean(1))
    out.case("position_embedding", (3, 4, 5), lambda x, p, b: x + p["weight"], weights().add("weight", 4, 5))
    out.case("residual", (3, 6), lambda x, p, b: linear(torch.tanh(x), p, "branch.1.") + linear(x, p, "shortcut."),
             weights().linear("branch.1.", 6, 4).linear("shortcut.", 6, 4))
    ids = torch.tensor([[3.0, 0.0, 4.0], [3.0, 1.0, 3.0]])
    table = weights().add("weight", 5, 4)
    table["weight"] = table["weight"].clone()
    table["weight"][1] = 0
    out.case("embedding", ids, lambda x, p, b: F.embedding(x.detach().long(), p["weight"], padding_idx=1), table)


def dense(out):
    out.case("linear", (4, 3, 2), lambda x, p, b: linear(x.flatten(1), p), weights().linear("", 6, 5))
    for name, channels, outputs, kernel, options, bias in (
            ("conv2d", 2, 3, 3, {}, True),
            ("conv2d padded", 3, 4, 3, {"padding": 1}, True),
            ("conv2d strided", 2, 3, 3, {"stride": 2, "padding": 1}, True),
            ("conv2d 5x5", 2, 2, 5, {"padding": 2}, False),
            ("conv2d 1x1", 5, 3, 1, {"stride": 2}, True),
            ("conv2d grouped", 4, 6, 3, {"padding": 1, "groups": 2}, True),
            ("conv2d depthwise", 4, 4, 3, {"padding": 1, "groups": 4}, False)):
        out.case(name, (2, channels, 6, 7), lambda x, p, b, o=options: conv(x, p, **o),
                 weights().conv("", channels, outputs, kernel, options.get("groups", 1), bias))
    wide = weights().conv("", 8, 8, 3, scale=0.125)  # enough channels for Winograd's form
    out.case("conv2d wide", (2, 8, 5, 6), lambda x, p, b: conv(x, p, padding=1), wide)
    out.case("max_pool", (2, 3, 6, 6), lambda x, p, b: F.max_pool2d(x, 2))
    out.case("max_pool overlapping", (2, 2, 7, 7), lambda x, p, b: F.max_pool2d(x, 3, 2))
    out.case("average_pool", (2, 3, 6, 6), lambda x, p, b: F.avg_pool2d(x, 2))
    out.case("average_pool overlapping", (2, 2, 7, 7), lambda x, p, b: F.avg_pool2d(x, 3, 2))
    out.case("global_average_pool", (2, 5, 3, 4), lambda x, p, b: x.mean((2, 3)))


def norms(out):
    out.case("batch_norm", (3, 4, 3, 5), lambda x, p, b: batch_norm(x, p, b), weights().norm("", 4),
             before=filled((2, 4, 3, 5), 7, 2, 0.5), buffers=running({}, "", 4))
    out.case("batch_norm", (3, 4, 3, 5), lambda x, p, b: batch_norm(x, p, b, training=False), weights().norm("", 4),
             training=False, buffers=running({}, "", 4, fresh=False))
    out.case("layer_norm", (3, 2, 13), lambda x, p, b: layer_norm(x, p), weights().norm("", 13))
    out.case("layer_norm maps", (3, 2, 3, 3), lambda x, p, b: layer_norm(x, p, axes=3), weights().norm("", 18))
    out.case("layer_norm plain", (4, 7), lambda x, p, b: F.layer_norm(x, (7,)))
    out.case("layer_norm far", 4096 + (filled((3, 16), 3) * 1024).round() / 1024, lambda x, p, b: F.layer_norm(x, (16,)))


def attentions(out):
    shape, width = (2, 5, 6), 6
    out.case("attention", shape, attended(2), weights().attention("", width))
    pairs = torch.triu(torch.full((5, 5), -math.inf), 1)
    pairs[3, 1] = 0.75
    keys = torch.zeros(2, 5)
    keys[1, 3:] = -math.inf
    out.case("attention masked", shape, attended(3, pairs, keys), weights().attention("", width),
             masks={"mask.pairs": pairs, "mask.keys": keys})


def resnet(x, p, b, training):
    def norm(y, place):
        return batch_norm(y, p, b, place, training)

    def block(y, place, stride):
        z = F.relu(norm(conv(y, p, f"{place}conv1.", stride=stride, padding=1), f"{place}norm1."))
        z = norm(conv(z, p, f"{place}conv2.", padding=1), f"{place}norm2.")
        if f"{place}shortcut.conv.weight" in p:
            y = norm(conv(y, p, f"{place}shortcut.conv.", stride=stride), f"{place}shortcut.norm.")
        return F.relu(y + z)

    x = F.relu(norm(conv(x, p, "stem.conv.", padding=1), "stem.norm."))
    x = block(x, "stage1.0.", 1)
    second = linear(x.mean((2, 3)), p, "second.linear.")
    x = block(x, "stage2.0.", 2)
    return {"": linear(x.mean((2, 3)), p, "head.linear."), ".second": second}


def resnet_parts(fresh):
    p, b = weights(), {}

    def both(conv_place, norm_place, inputs, outputs, kernel):
        p.conv(conv_place, inputs, outputs, kernel, bias=False)
        p.norm(norm_place, outputs)
        running(b, norm_place, outputs, fresh)

    both("stem.conv.", "stem.norm.", 1, 3, 3)
    for place, inputs, outputs in (("stage1.0.", 3, 3), ("stage2.0.", 3, 5)):
        both(f"{place}conv1.", f"{place}norm1.", inputs, outputs, 3)
        both(f"{place}conv2.", f"{place}norm2.", outputs, outputs, 3)
    both("stage2.0.shortcut.conv.", "stage2.0.shortcut.norm.", 3, 5, 1)
    p.linear("head.linear.", 5, 4).linear("second.linear.", 3, 2)
    return p, b


def perceptron(x, p, place):
    return linear(F.gelu(linear(x, p, f"{place}linear1.")), p, f"{place}linear2.")


def patches(x, p, patch):
    return conv(x, p, "patches.patch.", stride=patch).flatten(2).transpose(1, 2) + p["patches.position.weight"]


def head(x, p, place):
    return linear(layer_norm(x, p, f"{place}norm.").mean(1), p, f"{place}linear.")


def transformer(x, p, _):
    x = patches(x, p, 4)
    for block in ("block1.", "block2."):
        if block == "block2.":
            second = head(x, p, "second.")
        x = x + attention(layer_norm(x, p, f"{block}norm1."), p, 2, f"{block}attention.")[0]
        x = x + perceptron(layer_norm(x, p, f"{block}norm2."), p, f"{block}mlp.")
    return {"": head(x, p, "head."), ".second": second}


def mixer(x, p, _):
    x = patches(x, p, 4)
    x = x + perceptron(layer_norm(x, p, "block1.norm1.").transpose(1, 2), p, "block1.mix_tokens.").transpose(1, 2)
    x = x + perceptron(layer_norm(x, p, "block1.norm2."), p, "block1.mix_channels.")
    return head(x, p, "head.")


def mlp(x, p, _):
    x = F.relu(linear(x.flatten(1), p, "stage1.linear."))
    x = F.relu(linear(x, p, "stage2.linear."))
    return {"": linear(x, p, "head."), ".second": linear(x, p, "second.")}


def convnet(x, p, b):
    x = F.relu(batch_norm(conv(x, p, "stage1.conv1.", padding=1), p, b, "stage1.norm1."))
    x = F.relu(batch_norm(conv(x, p, "stage1.conv2.", padding=1), p, b, "stage1.norm2."))
    return linear(F.max_pool2d(x, 2).flatten(1), p, "head.")


def lenet(x, p, _):
    for place in ("stage1.", "stage2."):
        x = F.max_pool2d(F.relu(conv(x, p, f"{place}conv1.", padding=1)), 2)
    return linear(x.flatten(1), p, "head.")


def models(out):
    out.case("mlp", (4, 1, 2, 3), mlp,
             weights().linear("stage1.linear.", 6, 5).linear("stage2.linear.", 5, 4).linear("head.", 4, 3)
             .linear("second.", 4, 2))
    out.case("lenet", (2, 1, 6, 6), lenet,
             weights().conv("stage1.conv1.", 1, 3, 3).conv("stage2.conv1.", 3, 4, 3).linear("head.", 4, 3))
    p = weights().conv("stage1.conv1.", 1, 3, 3, bias=False).norm("stage1.norm1.", 3)
    p.conv("stage1.conv2.", 3, 3, 3, bias=False).norm("stage1.norm2.", 3).linear("head.", 12, 3)
    out.case("convnet", (3, 1, 4, 5), convnet, p, buffers=running(running({}, "stage1.norm1.", 3), "stage1.norm2.", 3))
    for training in (True, False):
        p, b = resnet_parts(fresh=training)
        out.case("resnet", (3, 1, 6, 6), lambda x, p, b, t=training: resnet(x, p, b, t), p, training, buffers=b)
    width, p = 6, weights().conv("patches.patch.", 1, 6, 4).add("patches.position.weight", 4, 6)
    for block in ("block1.", "block2."):
        p.norm(f"{block}norm1.", width).attention(f"{block}attention.", width).norm(f"{block}norm2.", width)
        p.linear(f"{block}mlp.linear1.", width, 8).linear(f"{block}mlp.linear2.", 8, width)
    p.norm("head.norm.", width).linear("head.linear.", width, 3).norm("second.norm.", width)
    out.case("vision_transformer", (2, 1, 8, 8), transformer, p.linear("second.linear.", width, 2))
    p = weights().conv("patches.patch.", 1, 6, 4).add("patches.position.weight", 4, 6).norm("block1.norm1.", width)
    p.linear("block1.mix_tokens.linear1.", 4, 5).linear("block1.mix_tokens.linear2.", 5, 4).norm("block1.norm2.", width)
    p.linear("block1.mix_channels.linear1.", width, 8).linear("block1.mix_channels.linear2.", 8, width)
    out.case("mixer", (2, 1, 8, 8), mixer, p.norm("head.norm.", width).linear("head.linear.", width, 3))


def text():
    out = file()
    for part in (elementwise, shaped, dense, norms, attentions, models):
        part(out)
    return "\n".join(out.lines) + "\n"


def agree(new, old):
    (head, _, new), (old_head, _, old) = new.partition(" : "), old.partition(" : ")
    a, b = [float(v) for v in new.split()], [float(v) for v in old.split()]
    far = 1e-13 * max((abs(v) for v in b if math.isfinite(v)), default=0)
    return head == old_head and len(a) == len(b) and all(v == w or abs(v - w) <= far for v, w in zip(a, b))


if __name__ == "__main__":
    numbers_file.main("layers.txt", text, agree, __doc__)
