"""How the tables of calls are written, and run: each operation of a service's model once well and once badly."""

from botocore.exceptions import ClientError


class Row:
    """`good` and `bad` are what the operation is called with, or functions that make it of the world. A good call succeeds, or
    is answered by `answers`, where that is what the operation does with every key here. A bad one is answered by `refusal`.
    `after` is told the good answer."""

    def __init__(self, good, refusal, bad, answers=None, after=None):
        self.good, self.refusal, self.bad, self.answers, self.after = good, refusal, bad, answers, after


def every_operation(client, rows, world):
    """Each row in its order; the table must have every operation."""
    operations = set(client.meta.service_model.operation_names)
    assert set(rows) == operations, f"missing: {operations - set(rows)}; unknown: {set(rows) - operations}"
    for name, row in rows.items():
        expect(client, name, row.refusal, made(row.bad, world))
        answer = expect(client, name, row.answers, made(row.good, world))
        if row.after:
            row.after(world, answer)


def made(arguments, world):
    return arguments(world) if callable(arguments) else arguments


def expect(client, name, refusal, arguments):
    """Calls the operation; what it answers must be of that kind."""
    try:
        answer = client._make_api_call(name, arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == refusal, f"{name}({arguments}): not {refusal or 'a success'} but {found}"
        print(f"{name}: {found['Code']}: {found.get('Message')}")
        return None
    assert refusal is None, f"{name}({arguments}): not {refusal} but {answer}"
    print(f"{name}: good")
    return answer


def every_member_badly(client, rows, world, invalid, skipped=()):
    """Beside the rows: each operation without each required member, and with each of its members too long, too large or none
    of the values that the model lists. All of that is `invalid`, but for the (operation, member) of `skipped`."""
    for name, row in rows.items():
        good = made(row.good, world)
        shape = client.meta.service_model.operation_model(name).input_shape
        for member in shape.required_members if shape else ():
            expect(client, name, invalid, {key: value for key, value in good.items() if key != member})
        for member, of in shape.members.items() if shape else ():
            for value in wrong_values(of):
                if (name, member) not in skipped:
                    expect(client, name, invalid, good | {member: value})


def wrong_values(shape):
    kind, most = shape.type_name, shape.metadata.get("max")
    if kind == "string" and shape.enum:
        return ["NONE_OF_THEM"]
    if kind == "string" and most:
        return ["a" * (most + 1)] + [""] * (shape.metadata.get("min", 0) > 0)
    if kind == "blob" and most:
        return [b"a" * (most + 1), b""]
    if kind in ("integer", "long") and most:
        return [most + 1, 0]
    return []
