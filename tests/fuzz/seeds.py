"""Writes the files of tests/fuzz/corpus that were thought of, rather than found: sound ones, and one for every way to be
unsound. Beside them, under names of hexadecimal digits, lie some of those with which the fuzzer reached other paths."""
import gzip
import io
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent / "corpus"


def put(reader, name, content):
    (HERE / reader).mkdir(parents=True, exist_ok=True)
    (HERE / reader / name).write_bytes(content)


def st(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def safetensors(reader="safetensors"):
    good = {"__metadata__": {"format": "pt"}, "a": tensor(), "b": tensor("U8", (3,), (8, 11))}
    whole = st(good, bytes(range(11)))
    seeds = {
        "good": whole,
        "empty_file": b"",
        "empty_header": st(b"", b""),
        "no_tensors": st({}),
        "scalar": st({"x": tensor("I64", (), (0, 8))}, bytes(8)),
        "zero_extent": st({"x": tensor("F64", (0, 5), (0, 0))}),
        "small_floats": st({"x": tensor("F4", (4,), (0, 2)), "y": tensor("F6_E2M3", (4,), (2, 5))}, bytes(5)),
        "half_a_byte": st({"x": tensor("F4", (3,), (0, 2))}, bytes(2)),
        "spaces_after": st(json.dumps(good).encode() + b"   ", bytes(11)),
        "truncated_length": whole[:5],
        "truncated_header": whole[:40],
        "truncated_data": whole[:-1],
        "trailing_byte": whole + b"x",
        "header_2_63": st(b"{}", b"", 1 << 63),
        "header_all_ones": st(b"{}", b"", (1 << 64) - 1),
        "header_100_mb": st(b"{}", b"", 100_000_001),
        "space_before": st(b" {}"),
        "byte_order_mark": st(b"\xef\xbb\xbf{}"),
        "list": st(b"[]"),
        "not_json": st(b"{'a': 1}"),
        "two_objects": st(b"{}{}"),
        "zero_byte": st(b"{}\0 rest"),
        "deep": st(b'{"a":' + b"[" * 5000),
        "deep_objects": st(b'{"a":' * 2000),
        "not_utf8": st(b'{"\xff":' + json.dumps(tensor()).encode() + b"}", bytes(8)),
        "duplicate_tensor": st(b'{"a":%s,"a":%s}' % ((json.dumps(tensor()).encode(),) * 2), bytes(8)),
        "duplicate_field": st(b'{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', bytes(8)),
        "duplicate_metadata": st(b'{"__metadata__":{"a":"1","a":"2"}}'),
        "two_metadata": st(b'{"__metadata__":{},"__metadata__":{}}'),
        "metadata_number": st(b'{"__metadata__":{"a":1}}'),
        "metadata_list": st(b'{"__metadata__":[]}'),
        "missing_field": st({"a": {"dtype": "F32", "shape": [2]}}, bytes(8)),
        "unknown_field": st({"a": {**tensor(), "stride": [1]}}, bytes(8)),
        "unknown_type": st({"a": tensor("F128")}, bytes(8)),
        "negative_extent": st({"a": tensor(shape=(-2,))}, bytes(8)),
        "fraction": st({"a": tensor(shape=(2.5,))}, bytes(8)),
        "huge_number": st(b'{"a":{"dtype":"F32","shape":[1' + b"0" * 400 + b'],"data_offsets":[0,8]}}', bytes(8)),
        "absurd_shape": st({"a": tensor(shape=(1 << 40, 1 << 40))}, bytes(8)),
        "extent_2_63": st({"a": tensor(shape=(1 << 63,))}, bytes(8)),
        "wrapping_shape": st({"a": tensor(shape=(1 << 32, 1 << 32, 2))}, bytes(8)),
        "shape_and_offsets_differ": st({"a": tensor(shape=(3,))}, bytes(8)),
        "overlap": st({"a": tensor(), "b": tensor(offsets=(4, 12))}, bytes(12)),
        "same_offsets": st({"a": tensor(), "b": tensor()}, bytes(8)),
        "hole": st({"a": tensor(), "b": tensor(offsets=(12, 20))}, bytes(20)),
        "hole_in_front": st({"a": tensor(offsets=(4, 12))}, bytes(12)),
        "out_of_range": st({"a": tensor(offsets=(0, 16), shape=(4,))}, bytes(8)),
        "backwards": st({"a": tensor(offsets=(8, 0))}, bytes(8)),
        "offsets_2_64": st({"a": tensor(offsets=((1 << 64) - 8, 0))}, bytes(8)),
        "three_offsets": st({"a": tensor(offsets=(0, 8, 8))}, bytes(8)),
        "one_offset": st({"a": tensor(offsets=(0,))}, bytes(8)),
    }
    for name, content in seeds.items():
        put(reader, name, content)


def npy():
    def array(header, data=b"", version=1, length=None):
        size = len(header) if length is None else length
        return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", size) + header + data

    form = b"{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n"
    for version in (1, 2, 3):
        put("npy", f"version_{version}", array(form % (b"<f4", b"False", b"(2, 3)"), bytes(24), version))
    for kind, size in ((b"<f2", 2), (b"<f8", 8), (b"<i4", 4), (b"<i8", 8)):
        put("npy", "type_" + kind[1:].decode(), array(form % (kind, b"False", b"(3,)"), bytes(3 * size)))
    put("npy", "scalar", array(form % (b"<f8", b"False", b"()"), bytes(8)))
    put("npy", "empty_file", b"")
    put("npy", "truncated_magic", b"\x93NUM")
    put("npy", "truncated_header", array(form % (b"<f4", b"False", b"(2, 3)"))[:30])
    put("npy", "truncated_data", array(form % (b"<f4", b"False", b"(2, 3)"), bytes(23)))
    put("npy", "trailing_byte", array(form % (b"<f4", b"False", b"(2, 3)"), bytes(25)))
    put("npy", "header_4_gb", array(b"{}", b"", 2, (1 << 32) - 1))
    put("npy", "absurd_shape", array(form % (b"<f8", b"False", b"(9223372036854775807, 9223372036854775807)")))
    put("npy", "terabyte", array(form % (b"<f8", b"False", b"(137438953472,)"), bytes(8)))
    put("npy", "zero_and_huge", array(form % (b"<f8", b"False", b"(0, 9223372036854775807)")))
    put("npy", "fortran", array(form % (b"<f4", b"True", b"(2, 3)"), bytes(24)))
    put("npy", "objects", array(form % (b"|O", b"False", b"(1,)"), bytes(8)))
    put("npy", "descr_twice", array(b"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(4)))


def idx():
    def file(extents, size, kind=8, rank=None):
        head = bytes((0, 0, kind, len(extents) if rank is None else rank))
        return head + b"".join(struct.pack(">I", e) for e in extents) + bytes(range(size))

    def packed(content):
        out = io.BytesIO()
        with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as f:
            f.write(content)
        return out.getvalue()

    plain = {
        "labels": file((5,), 5),
        "images": file((2, 3, 4), 24),
        "empty_axis": file((0, 7), 0),
        "empty_file": b"",
        "truncated_header": file((2, 3), 0)[:9],
        "truncated_data": file((2, 3), 5),
        "trailing_byte": file((2, 3), 7),
        "absurd_shape": file((0xFFFFFFFF,) * 4, 8),
        "four_gb": file((65536, 65536), 8),
        "rank_0": file((), 0),
        "rank_255": file((1,), 1, rank=255),
        "floats": file((1,), 4, kind=13),
    }
    for name, content in plain.items():
        put("idx", name, content)
        put("idx", name + "_gz", packed(content))
    whole = packed(plain["images"])
    put("idx", "truncated_gz", whole[:-5])
    put("idx", "wrong_checksum_gz", whole[:-8] + bytes((whole[-8] ^ 1,)) + whole[-7:])
    put("idx", "no_deflate_gz", whole[:10] + b"\xff" * 40)
    put("idx", "bomb_gz", packed(file((1 << 20,), 0) + bytes(1 << 20)))


def csv():
    """The first byte: separator (0 to 3), 4 with a header, 8 with empty fields."""
    seeds = {
        "table": b"\x04a,b\n1,2\n3,4\n",
        "no_header": b"\x001,2\n3,4",
        "windows": b"\x04a,b\r\n1,2\r\n",
        "semicolons": b"\x05a;b\n1.5;-2e-3\n",
        "tabs": b"\x02 1\t+2 \n",
        "blanks": b"\x031 2\n",
        "quoted": b'\x04"a, b","c""d","e\nf"\n"1",2,"3"\n',
        "byte_order_mark": b"\x04\xef\xbb\xbfa\n1\n",
        "byte_order_mark_later": b"\x04\n\n\xef\xbb\xbf",
        "missing": b"\x081,,3\n,,\n",
        "empty_field": b"\x001,,3\n",
        "empty": b"\x00",
        "empty_lines": b"\x00\n\r\n1\n\n2\n\n",
        "ragged": b"\x001,2\n3\n",
        "open_quote": b'\x00"1,2\n',
        "after_quote": b'\x00"1"2\n',
        "words": b"\x001,two\n",
        "overflow": b"\x001e999\n",
        "special": b"\x00nan,inf,-inf,0x1p3\n",
        "zero_bytes": b"\x001\x002\n",
    }
    for name, content in seeds.items():
        put("csv", name, content)


if __name__ == "__main__":
    safetensors()
    safetensors("checkpoint")
    npy()
    idx()
    csv()
