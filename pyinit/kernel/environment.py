"""An environment that variables by name do not tell: entries without a name or without a `=`, and twice the same name.

execve(2) takes any strings, and passes them on as they are; so do we. Imported only where there are such entries.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Entries(dict[bytes, bytes]):
    """Variables by name, of several with one name the first, as getenv(3) has it; and all `entries` in their order."""

    def __init__(self, entries: list[bytes]) -> None:
        super().__init__()
        self.entries = entries
        for entry in entries:
            name, equals, value = entry.partition(b"=")
            if name and equals:
                self.setdefault(name, value)

    def __or__(self, told: "Mapping[bytes, bytes]") -> "Entries":  # type: ignore[override]  # of dict's many forms this one is used
        """A copy with some variables set, those that were there in their old place."""
        left, entries = dict(told), []
        for entry in self.entries:
            name, equals, _ = entry.partition(b"=")
            if not equals or name not in told:
                entries.append(entry)
            elif name in left:
                entries.append(name + b"=" + left.pop(name))
        return Entries([*entries, *(name + b"=" + value for name, value in left.items())])

    def without(self, names: "Collection[bytes]") -> "Entries":
        """A copy that lacks some variables."""
        return Entries([entry for entry in self.entries if b"=" not in entry or entry.partition(b"=")[0] not in names])
