"""Sphinx: `cd docs && make html` writes `docs/build/html`.

The pages are Markdown (MyST). What the code says itself, the error tree, the outcomes, the
settings, is included from the code and not told again. `docs/adr` is a link to `adr` beside this.
"""

project = "Allium"
author = "Allium"

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["**/_*"]

html_theme = "alabaster"
html_theme_options = {
    "description": "A FastAPI service in layers, with gRPC, messages and tasks",
    "fixed_sidebar": True,
    "page_width": "1100px",
    "sidebar_width": "240px",
}
html_show_copyright = False
