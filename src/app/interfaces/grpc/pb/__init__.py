"""Generated code: `python -m src.app.interfaces.cli proto` makes what stands in `allium/`.

A module that `grpc_tools.protoc` makes from a proto without folders imports its neighbour by bare
name (`import greeter_pb2`). Such a name, found nowhere else, is looked up in the folders here, so
that the plain recipe for one's own proto gives modules that can be imported.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


class _Neighbours(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or not fullname.endswith("_pb2"):
            return None
        found = list(Path(__file__).parent.glob(f"*/{fullname}.py"))
        # Two of one name are a riddle; nobody is given the wrong one.
        return spec_from_file_location(fullname, found[0]) if len(found) == 1 else None


sys.meta_path.append(_Neighbours())
