"""Markdown as HTML that is safe to show: raw HTML is text, no link runs a script, an entity is one character."""

import mistune
from mistune.util import safe_entity


class _Renderer(mistune.HTMLRenderer):
    """With escaping on, mistune would escape the entities in our own Markdown once more."""

    def text(self, text):
        """Plain text, in which an entity stands for its character."""
        return safe_entity(text)


render = mistune.create_markdown(renderer=_Renderer(escape=True), plugins=["table"])
