"""CBOR (RFC 8949), read strictly: what rpc-v2-cbor answers with. Written apart from botocore, so that it is a second reader."""

import struct


class Timestamp(float):
    """Tag 1: seconds since 1970."""


def decode(data):
    value, end = item(data, 0)
    assert end == len(data), f"{len(data) - end} bytes are left behind the item"
    return value


def item(data, at):
    """The item at that place, and the place behind it."""
    major, info = data[at] >> 5, data[at] & 0x1F
    if major == 7:
        return simple(data, at + 1, info)
    if info == 31:
        return indefinite(data, at + 1, major)
    number, at = argument(data, at + 1, info)
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        assert at + number <= len(data), "a string ends behind the data"
        text = bytes(data[at:at + number])
        return (text if major == 2 else text.decode()), at + number
    if major == 6:
        assert number == 1, f"tag {number}"
        value, at = item(data, at)
        return Timestamp(value), at
    values = []
    for _ in range(number * (major - 3)):
        value, at = item(data, at)
        values.append(value)
    return (values if major == 4 else pairs(values)), at


def argument(data, at, info):
    if info < 24:
        return info, at
    size = {24: 1, 25: 2, 26: 4, 27: 8}[info]
    return int.from_bytes(data[at:at + size], "big"), at + size


def indefinite(data, at, major):
    values = []
    while data[at] != 0xFF:
        value, at = item(data, at)
        values.append(value)
    whole = {2: lambda: b"".join(values), 3: lambda: "".join(values), 4: lambda: values, 5: lambda: pairs(values)}
    return whole[major](), at + 1


def pairs(values):
    keys = values[::2]
    assert len(set(keys)) == len(keys), f"a key twice: {keys}"
    return dict(zip(keys, values[1::2]))


def simple(data, at, info):
    if info in (20, 21, 22):
        return {20: False, 21: True, 22: None}[info], at
    size, form = {26: (4, ">f"), 27: (8, ">d")}[info]
    return struct.unpack(form, data[at:at + size])[0], at + size
