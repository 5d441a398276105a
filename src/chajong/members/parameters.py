"""What the parameters of all members have in common."""

from chajong.parameters import Seeded


class MemberParameters(Seeded):
    """One member: a block of configuration.

    Attributes:
        kind: What kind of member it is.
    """

    kind: str

    @property
    def title(self) -> str:
        """What progress bars and model cards call the member."""
        return self.kind
