"""The part of Go's text/template that people write in MetricTemplates, rendered without Go.

`workflows.compile` renders every query with it. Text that Go would refuse, or would render into
something like `%!d(string=x)` that no provider can read, is a `TemplateError` instead.
"""

from workflows.gotemplate.errors import TemplateError
from workflows.gotemplate.render import TemplateContext, render

__all__ = ["TemplateContext", "TemplateError", "render"]
