"""Record: a small frozen value with named fields.

What a frozen dataclass is, without `dataclasses`: that costs 11 ms and 2.8 MB in every container.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: bool):  # noqa: D103 - of no use at run time
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """Base of the frozen values: annotated names are the fields, class attributes their defaults.

    Fields are given by place or by name, compare by value and match by place. A type checker sees a frozen dataclass.
    """

    if not TYPE_CHECKING:

        def __init_subclass__(cls) -> None:
            cls.__match_args__ = tuple(cls.__annotations__)
            cls._defaults = {field: getattr(cls, field, None) for field in cls.__match_args__}

        def __init__(self, *values: object, **named: object) -> None:
            fields = self.__dict__
            if len(values) < len(self.__match_args__):
                fields.update(self._defaults)
            fields.update(zip(self.__match_args__, values))  # noqa: B905 - not strict: the rest have defaults, or names
            if named:
                fields.update(named)

    def but(self, **changed: object) -> "Self":
        """The same with other values in some fields."""
        return type(self)(**{**vars(self), **changed})

    def __setattr__(self, field: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {field} cannot be set")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{field}={value!r}' for field, value in self.__dict__.items())})"
