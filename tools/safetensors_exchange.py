"""Files of ours read by the Python package safetensors and the reverse, in every element type that both know; random
headers, sound and unsound, on which both must agree. `--reference FILE` writes the file that tests/io reads.

usage: safetensors_exchange.py PROGRAM | --reference FILE"""
import ctypes
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import safetensors
from safetensors import SafetensorError, TensorSpec, deserialize, serialize

# The package's names, the format's names, bits.
TYPES = [("bool", "BOOL", 8), ("float4_e2m1fn_x2", "F4", 4), ("uint8", "U8", 8), ("int8", "I8", 8),
         ("float8_e5m2", "F8_E5M2", 8), ("float8_e4m3fn", "F8_E4M3", 8), ("float8_e8m0fnu", "F8_E8M0", 8),
         ("float8_e4m3fnuz", "F8_E4M3FNUZ", 8), ("float8_e5m2fnuz", "F8_E5M2FNUZ", 8), ("int16", "I16", 16),
         ("uint16", "U16", 16), ("float16", "F16", 16), ("bfloat16", "BF16", 16), ("int32", "I32", 32),
         ("uint32", "U32", 32), ("float32", "F32", 32), ("complex64", "C64", 64), ("float64", "F64", 64),
         ("int64", "I64", 64), ("uint64", "U64", 64)]
PACK = {"BOOL": "?", "U8": "B", "I8": "b", "I16": "h", "U16": "H", "F16": "e", "I32": "i", "U32": "I", "F32": "f",
        "F64": "d", "I64": "q", "U64": "Q"}


def write(tensors, metadata):
    """tensors: {name: (type, shape, bytes)}"""
    kept = {name: ctypes.create_string_buffer(content, max(1, len(content))) for name, (_, _, content) in tensors.items()}
    return serialize({name: TensorSpec(dtype=kind, shape=shape, data_ptr=ctypes.addressof(kept[name]),
                                       data_len=len(content)) for name, (kind, shape, content) in tensors.items()},
                     metadata)


def reference():
    """One tensor of every type, element i being i where that is a number."""
    tensors = {}
    for kind, name, bits in TYPES:
        if name in PACK:
            content = struct.pack("<6" + PACK[name], *(i % 2 if name == "BOOL" else i for i in range(6)))
        elif name == "BF16":
            content = b"".join(struct.pack("<f", i)[2:] for i in range(6))
        else:
            content = bytes(range(6 * max(8, bits) // 8))
        tensors[name] = (kind, [2, 3], content)
    tensors["C64"] = ("complex64", [6], struct.pack("<12f", *range(12)))
    tensors["F4"] = ("float4_e2m1fn_x2", [6], bytes(range(6)))
    tensors["nothing"] = ("float32", [0, 4], b"")
    tensors["a scalar"] = ("int64", [], struct.pack("<q", 42))
    return tensors


def check(holds, what):
    if not holds:
        sys.exit("safetensors_exchange: " + what)


def ours_to_them(program, folder):
    subprocess.run([program, "write", folder / "ours"], check=True)
    content = (folder / "ours").read_bytes()
    read = dict(deserialize(content))
    for _, name, bits in TYPES:
        found = read["tensor " + name]
        size = bits  # 8 elements
        expected = bytes(i % 2 if name == "BOOL" else (7 * i + bits) % 256 for i in range(size))
        check(found["dtype"] == name and list(found["shape"]) == [2, 1, 4], f"they read {name} as {found}")
        check(bytes(found["data"]) == expected, f"they read other bytes of {name}")
    check(list(read['empty "ß"']["shape"]) == [0, 3], "the empty tensor")
    with safetensors.safe_open(folder / "ours", framework="np") as file:
        check(file.metadata() == {"written by": "distill", "a\nkey": "täxt"}, "the metadata")
    return len(TYPES)


def theirs_to_us(program, folder):
    """We read and write; the package must find the same, and where the order of metadata is not chance, the same bytes."""
    for metadata in (None, {"written by": "safetensors"}):
        theirs = write(reference(), metadata)
        (folder / "theirs").write_bytes(theirs)
        subprocess.run([program, "copy", folder / "theirs", folder / "copy"], check=True)
        check((folder / "copy").read_bytes() == theirs, "our copy of their file has other bytes")


def agree_on_headers(program, folder, count):
    """Both accept or both refuse. Only what the format leaves open may differ: we refuse unknown fields."""
    draw = random.Random(1)
    agreed = {True: 0, False: 0}
    for _ in range(count):
        header, at = {}, 0
        for i in range(draw.randrange(4)):
            _, name, bits = draw.choice(TYPES)
            shape = [draw.choice((0, 1, 2, 3, 4)) for _ in range(draw.randrange(4))]
            size = bits
            for extent in shape:
                size *= extent
            end = at + size // 8 + draw.choice((0,) * 12 + (1, 2, 8))
            header[f"t{i}"] = {"dtype": name, "shape": shape, "data_offsets": [at + draw.choice((0,) * 12 + (1, 4)), end]}
            at = end
        text = json.dumps(header).encode() + b" " * draw.randrange(3)
        if draw.random() < 0.2:
            cut = draw.randrange(len(text))
            text = text[:cut] + draw.choice((b"", b"0", b"}", b"[", b'"', b",", b"-", b"\\")) + text[cut + 1:]
        content = struct.pack("<Q", len(text) + draw.choice((0,) * 20 + (1, -1))) + text + bytes(at + draw.choice((0,) * 12 + (1,)))
        (folder / "random").write_bytes(content)
        try:
            deserialize(content)
            theirs = True
        except SafetensorError:
            theirs = False
        ours = subprocess.run([program, "copy", folder / "random", folder / "copy"], capture_output=True)
        check(ours.returncode in (0, 1), f"we crashed on {content}")
        check((ours.returncode == 0) == theirs, f"they {'accept' if theirs else 'refuse'} {content}, we: {ours.stderr}")
        agreed[theirs] += 1
    return agreed


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--reference":
        pathlib.Path(sys.argv[2]).write_bytes(write(reference(), {"written by": "safetensors"}))
        return
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder, program = pathlib.Path(name), sys.argv[1]
        types = ours_to_them(program, folder)
        theirs_to_us(program, folder)
        agreed = agree_on_headers(program, folder, 1000)
    print(f"safetensors {safetensors.__version__}: {types} element types both ways; of 1000 random headers both accept "
          f"{agreed[True]} and refuse {agreed[False]}")


main()
