"""What ``path=value`` says: the command line's ``--set``, whatever it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stallscope.mappings.fields import nearest, plain
from stallscope.mappings.reading import read_text
from stallscope.simcore.errors import Fault, SpecError

__all__ = ["SOURCE", "Plain", "apply_settings", "read_setting", "setting_error"]

Plain = Any  # a tree of dict, list, str, int, float and bool: what YAML can hold

SOURCE = "--set"
"""Source of faults of settings."""


def apply_settings(
    tree: dict[str, Plain],
    settings: Sequence[str],
    change: Callable[[dict[str, Plain], str], None],
) -> None:
    """Change a tree by every setting in order.

    Raises:
        SpecError: Every setting that cannot be applied.
    """
    faults: list[Fault] = []
    for setting in settings:
        try:
            change(tree, setting)
        except SpecError as error:
            faults.extend(error.faults)
    if faults:
        raise SpecError(faults)


def read_setting(
    setting: str, sections: Sequence[str], example: str
) -> tuple[list[str], Plain]:  # fmt: skip
    """Return the path of a setting and its value; None takes a key out.

    Args:
        setting: The setting.
        sections: What a path may begin with; all but ``name`` have keys.
        example: A setting that is right.

    Raises:
        SpecError: If it is no path and value, or of no section.
    """
    path, equals, text = setting.partition("=")
    parts = [part.strip() for part in path.split(".")]
    if not equals or not all(parts):
        raise setting_error(setting, "needs path=value", f"as in {example}")
    if parts[0] not in sections:
        raise setting_error(setting, f"no section {parts[0]}", nearest(parts[0], sections))
    value = plain(read_text(text.strip(), f"{SOURCE} {setting}"))
    if len(parts) == 1 and parts[0] != "name":
        raise setting_error(setting, "needs a key of the section", f"as in {parts[0]}.KEY=value")
    return parts, value


def setting_error(setting: str, rule: str, remedy: str) -> SpecError:
    """Return the fault of one setting."""
    path, _, value = setting.partition("=")
    return SpecError([Fault(place=path.strip() or SOURCE, value=value.strip(), rule=rule,
                            remedy=remedy, source=SOURCE)])  # fmt: skip
