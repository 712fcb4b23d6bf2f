"""Schemas that refer to each other in circles: what they cost grows with their number, not with its square."""

from __future__ import annotations

import pickle
import threading
import time
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from geopera.schema import Registry


def circle(size: int) -> dict[str, Any]:
    """`size` objects of twelve fields, each of which refers to others of them."""

    def field(owner: int, number: int) -> dict[str, Any]:
        if number < 4:
            target = {"$ref": f"#/schemas/C{(owner * 7 + number * 13 + 1) % size}"}
            return target if number % 2 else {"type": "array", "items": target}
        return {"type": ["string", "integer", "boolean", "number"][number % 4]}

    return {
        f"C{owner}": {
            "type": "object",
            "properties": {f"f{number}": field(owner, number) for number in range(12)},
            "required": ["f4"],
        }
        for owner in range(size)
    }


def built(registry: Registry, size: int) -> list[str]:
    """The classes whose validator was made."""
    classes = [registry.model(f"C{number}") for number in range(size)]
    return [
        cls.__name__ for cls in classes if isinstance(vars(cls)["__pydantic_validator__"], SchemaValidator)
    ]


def test_a_class_gets_its_validator_when_it_is_used() -> None:
    registry = Registry(circle(30), module="tests.circle")
    assert built(registry, 30) == []
    first = registry.model("C0").model_validate({"f4": "a", "f1": {"f4": "b"}, "f0": [{"f4": "c"}]})
    assert first.f1.f4 == "b"
    assert built(registry, 30) == ["C0"]
    # An assignment goes through the validator of the class of the instance.
    first.f0[0].f4 = "d"
    with pytest.raises(ValidationError):
        first.f0[0].f4 = 5
    assert built(registry, 30) == sorted({"C0", type(first.f0[0]).__name__})


def test_lazy_classes_work_inside_of_pydantic() -> None:
    registry = Registry(circle(5), module="tests.circle")
    cls: Any = registry.model("C2")

    class Mine(BaseModel):
        inner: cls

    assert Mine.model_validate({"inner": {"f4": "a"}}).inner.f4 == "a"
    assert built(registry, 5) == []
    adapter = TypeAdapter(cls)
    assert adapter.validate_python({"f4": "a"}) == cls(f4="a")
    with pytest.raises(ValidationError):
        adapter.validate_json(b'{"f4": 5}')

    class Heir(cls):  # type: ignore[misc]
        own: int = 3

    assert Heir(f4="a").own == 3
    assert TypeAdapter(list[cls]).validate_python([{"f4": "a"}])[0].f4 == "a"


def test_threads_that_meet_at_a_class_make_one_validator() -> None:
    cls: Any = Registry(circle(40), module="tests.circle").model("C3")
    gate, found = threading.Barrier(8), []

    def use() -> None:
        gate.wait()
        cls.model_validate({"f4": "a"})
        found.append(vars(cls)["__pydantic_validator__"])

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({id(validator) for validator in found}) == 1


def test_instances_of_lazy_classes_travel() -> None:
    registry = Registry(circle(6), module="tests.circle")
    value = registry.model("C1").model_validate({"f4": "a", "f1": {"f4": "b"}})
    assert pickle.loads(pickle.dumps(value)).to_dict() == value.to_dict()


@pytest.mark.slow
def test_twice_the_circle_costs_twice() -> None:
    def cost(size: int) -> float:
        schemas = circle(size)
        start = time.process_time()
        Registry(schemas, module="tests.circle").model("C0").model_validate({"f4": "a"})
        return time.process_time() - start

    cost(20)
    ratios = [cost(240) / cost(120) for _ in range(3)]
    assert min(ratios) < 3, ratios
