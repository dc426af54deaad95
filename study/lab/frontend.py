"""Who asked for a notebook's cell: a browser that can show controls, or a program that keeps the result."""


def in_browser():
    """Tell whether a notebook's page asked for this cell, so that controls and viewers have somebody to show to.

    JupyterLab and its like name the cell in each request; papermill and nbconvert, which execute a notebook and keep
    its outputs, do not. Outside a notebook it is False.
    """
    from IPython import get_ipython

    request = getattr(get_ipython(), "get_parent", dict)()  # only a notebook's kernel has it
    return "cellId" in request.get("metadata", {})
