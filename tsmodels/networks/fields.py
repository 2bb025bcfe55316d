"""Fields of a spec, held against their annotations.

Types are checked everywhere. Ranges are where an annotation asks for one, and in the networks of
this package: there an int is positive, a float not negative and a tuple not empty, unless annotated
otherwise.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import fields
from typing import Annotated, Any, Literal

from tsmodels.checks import check_int, check_option, check_real, fault

Rate = Annotated[float, "rate"]  # in [0, 1)
Size = Annotated[int, "size"]  # at least 1
Count = Annotated[int, "count"]  # at least 0


def check_fields(spec: Any) -> None:
    """Raises TypeError or ValueError, naming the field, unless all of a frozen dataclass fit."""
    hints = typing.get_type_hints(type(spec), include_extras=True)
    for field in fields(spec):
        parameter, value = f"{type(spec).__name__}.{field.name}", getattr(spec, field.name)
        _check_hashable(parameter, value)
        _check(parameter, value, hints[field.name], _is_ours(type(spec), field.name))


def _check_hashable(parameter: str, value: Any) -> None:
    try:
        hash(value)
    except TypeError as error:
        way_out = "Take a tuple instead of a list." if isinstance(value, list) else ""
        raise TypeError(fault(parameter, "hashable, as specs are", value, way_out)) from error


def _is_ours(cls: type, name: str) -> bool:
    """Whether this package introduced the field."""
    lines = reversed(cls.__mro__)
    first = next(c for c in lines if name in vars(c).get("__dataclass_fields__", {}))
    return first.__module__.split(".")[0] == "tsmodels"


def _check(parameter: str, value: Any, hint: Any, ours: bool) -> None:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        _check_union(parameter, value, arguments, ours)
    elif origin is Literal:
        check_option(parameter, value, arguments)
    elif origin is tuple or hint is tuple:
        _check_tuple(parameter, value, arguments, ours)
    elif hint is Rate:
        check_real(parameter, value, 0.0, 1.0, open_high=True)
    elif hint is Size or hint is Count:
        check_int(parameter, value, 1 if hint is Size else 0)
    elif origin is Annotated:
        _check(parameter, value, arguments[0], ours)
    elif ours and hint in (int, float):
        check_int(parameter, value) if hint is int else check_real(parameter, value, low=0.0)
    elif hint is bool:
        check_option(parameter, value, [False, True])
    elif hint is float:
        check_real(parameter, value)
    elif hint is not Any and isinstance(hint, type) and not _is_a(value, hint):
        raise TypeError(fault(parameter, _name(hint), value))


def _check_union(parameter: str, value: Any, members: tuple[Any, ...], ours: bool) -> None:
    """Any member will do; with a single one beside None the sentence is that of this one."""
    if value is None and types.NoneType in members:
        return
    others = [member for member in members if member is not types.NoneType]
    if len(others) == 1:
        return _check(parameter, value, others[0], ours)
    for member in others:
        try:
            return _check(parameter, value, member, ours)
        except (TypeError, ValueError):
            pass
    raise TypeError(fault(parameter, " or ".join(map(_name, members)), value))


def _check_tuple(parameter: str, value: Any, members: tuple[Any, ...], ours: bool) -> None:
    if not isinstance(value, tuple) or (ours and not value):
        rule = "a tuple with at least one value" if ours else "a tuple"
        raise TypeError(fault(parameter, rule, value))
    if members and members[-1] is not Ellipsis and len(members) != len(value):
        raise ValueError(fault(parameter, f"a tuple of {len(members)}", value))
    for element, member in zip(value, _members(members, len(value)), strict=True):
        _check(parameter, element, member, ours)


def _members(members: tuple[Any, ...], length: int) -> Iterator[Any]:
    """The annotation of each element: `tuple[X, ...]`, `tuple[X, Y]` or a bare `tuple`."""
    repeated = not members or members[-1] is Ellipsis
    for i in range(length):
        yield (members[0] if members else Any) if repeated else members[i]


def _is_a(value: Any, kind: type) -> bool:
    """As isinstance, but True is no int."""
    return isinstance(value, kind) and (kind is not int or not isinstance(value, bool))


def _name(hint: Any) -> str:
    """'an int', 'None', 'one of ...': a member of a rule."""
    if hint is types.NoneType:
        return "None"
    if typing.get_origin(hint) is Literal:
        return f"one of {list(typing.get_args(hint))}"
    word = getattr(hint, "__name__", str(hint))
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"
