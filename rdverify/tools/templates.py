"""Jinja templates of a package: an unknown name is an error, and a tag's line leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment(
    package: str,
    folder: str = "templates",
    autoescape: bool | Callable[[str | None], bool] = False,
) -> Environment:
    """The templates below a package's ``folder``; values are shown as they are, never rendered.

    Args:
        package: such as ``rdverify.report``.
        folder: of the templates, from the package.
        autoescape: whether what is shown is escaped for HTML, or by a template's name.
    """
    return Environment(
        loader=PackageLoader(package, folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=autoescape,
    )
