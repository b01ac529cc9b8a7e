"""Holds raw answers against botocore's model of the service: no member that the model does not know, none that is required
missing, every value of its type and within its limits, every error with its documented form and status."""

import base64
import json
import re

import cbor

# May answer any operation (the APIs' "Common Errors").
COMMON = {"ValidationException", "AccessDeniedException", "SerializationException", "UnknownOperationException",
          "InvalidSignatureException", "MissingAuthenticationTokenException", "IncompleteSignatureException",
          "UnrecognizedClientException", "ThrottlingException", "ExpiredTokenException"}
# 2020 and 2100: what a time of these tests lies between.
TIMES = (1577836800, 4102444800)


class Checker:
    """Checks whatever a client receives, before botocore parses it. `seen` counts the answers by operation."""

    def __init__(self, client):
        self.seen = {}
        self.service = client.meta.service_model
        client.meta.events.register(f"before-parse.{self.service.service_id.hyphenize()}", self.check)

    def check(self, operation_model, response_dict, **_):
        name = operation_model.name
        self.seen[name] = self.seen.get(name, 0) + 1
        headers, body = response_dict["headers"], response_dict["body"]
        try:
            assert headers.get("x-amzn-requestid"), f"no request id: {dict(headers)}"
            cbor_spoken = self.service.resolved_protocol == "smithy-rpc-v2-cbor"
            value = (self.from_cbor if cbor_spoken else self.from_json)(headers, body)
            if response_dict["status_code"] == 200:
                self.check_output(operation_model, value, cbor_spoken)
            else:
                self.check_error(operation_model, response_dict["status_code"], value, cbor_spoken)
        except AssertionError as error:
            raise AssertionError(f"{self.service.service_name} {name}: {error}: {response_dict['status_code']} {body!r}")

    def from_json(self, headers, body):
        assert headers["content-type"] == "application/x-amz-json-1.1", headers["content-type"]
        return json.loads(body) if body else None

    def from_cbor(self, headers, body):
        assert headers["smithy-protocol"] == "rpc-v2-cbor", dict(headers)
        if not body:
            return None
        assert headers["content-type"] == "application/cbor", headers["content-type"]
        return cbor.decode(body)

    def check_output(self, operation_model, value, cbor_spoken):
        shape = operation_model.output_shape
        if shape is None:
            assert not value, "an answer where the model has none"
            return
        check(shape, value if value is not None else {}, shape.name, cbor_spoken)

    def check_error(self, operation_model, status, value, cbor_spoken):
        assert isinstance(value, dict) and isinstance(value.get("__type"), str), "no __type"
        code = value.pop("__type").rsplit("#", 1)[-1]
        shape = next((shape for shape in operation_model.error_shapes if shape.name == code), None)
        if shape is None:
            assert code in COMMON, f"{code} is not documented for this operation"
            assert status == 400 and set(value) <= {"message", "Message"}, "not as common errors are"
            return
        fault = shape._shape_model.get("fault", False)
        assert status == (500 if fault else 400), f"status {status} for {code}"
        check(shape, value, code, cbor_spoken)


def check(shape, value, path, cbor_spoken):
    assert value is not None, f"{path} is null"
    {"structure": structure, "list": many, "map": pairs, "string": text, "blob": blob, "integer": number, "long": number,
     "boolean": boolean, "timestamp": moment}[shape.type_name](shape, value, path, cbor_spoken)


def structure(shape, value, path, cbor_spoken):
    assert isinstance(value, dict), f"{path} is no structure"
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    unknown = set(value) - set(members)
    assert not unknown, f"{path} has members that the model does not know: {unknown}"
    missing = set(shape.required_members) - set(value)
    assert not missing, f"{path} lacks {missing}"
    for name, member in value.items():
        check(members[name], member, f"{path}.{name}", cbor_spoken)


def many(shape, value, path, cbor_spoken):
    assert isinstance(value, list), f"{path} is no list"
    # An answer's list may be empty where a request's may not: CloudHSM V2 answers "TagList": [].
    if value:
        within(shape, len(value), path)
    for index, member in enumerate(value):
        check(shape.member, member, f"{path}[{index}]", cbor_spoken)


def pairs(shape, value, path, cbor_spoken):
    assert isinstance(value, dict), f"{path} is no map"
    for key, member in value.items():
        check(shape.key, key, f"{path} key", cbor_spoken)
        check(shape.value, member, f"{path}[{key}]", cbor_spoken)


def text(shape, value, path, _):
    assert isinstance(value, str), f"{path} is no string"
    within(shape, len(value), path)
    assert not shape.enum or value in shape.enum, f"{path}: {value} is none of {shape.enum}"
    pattern = shape.metadata.get("pattern")
    # Python has no classes such as \p{L}.
    if pattern and "\\p" not in pattern:
        assert re.search(pattern, value), f"{path}: {value} does not match {pattern}"


def blob(shape, value, path, cbor_spoken):
    if not cbor_spoken:
        assert isinstance(value, str), f"{path} is no base64"
        value = base64.b64decode(value, validate=True)
    assert isinstance(value, bytes), f"{path} is no bytes"
    within(shape, len(value), path)


def number(shape, value, path, _):
    assert isinstance(value, int) and not isinstance(value, bool), f"{path} is no integer"
    within(shape, value, path)


def boolean(_, value, path, __):
    assert isinstance(value, bool), f"{path} is no boolean"


def moment(_, value, path, cbor_spoken):
    assert isinstance(value, cbor.Timestamp if cbor_spoken else (int, float)), f"{path} is no time"
    assert TIMES[0] < value < TIMES[1], f"{path} is not in seconds: {value}"


def within(shape, size, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    assert least is None or size >= least, f"{path}: {size} is less than {least}"
    assert most is None or size <= most, f"{path}: {size} is more than {most}"
