"""Does each room stand above all that it imports, and is everything there is on show told in the README?

The import graph is read from the source, imports inside functions and for type checkers included.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import ledger
from ledger.events import TYPES
from projections.flags import FLAGS

ROOT = Path(__file__).parent.parent
FLOORS = {
    0: {"events", "errors", "ids", "when", "scales", "visible", "walking"},
    1: {
        "names",
        "lines",
        "records",
        "checks",
        "intake",
        "clerk",
        "fold",
        "known",
        "rules",
        "saying",
        "schema",
        "tokens",
    },
    2: {"store"},
    3: {"batch", "cuts", "inbox", "deciding", "writer", "ledger", "group", "loading"},
    4: {"client", "testing", "synthetic", "story"},
}
ROOFS = {"service": 5, "cli": 6}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms} | ROOFS
#: Who may know whom of the outside world; what is not named here, only the standard library.
MAY_KNOW = {
    "msgspec": {"ledger", "projections"},
    "apsw": {"ledger.store", "projections.views"},
    "backports": {"ledger.cli.ndjson"},
    "compression": {"ledger.cli.ndjson"},
    "eventsourcing": {"ledger.store"},
    "click": {"ledger.cli"},
    "httpx": {"ledger.client"},
    "prometheus_client": {"ledger.service.metrics"},
    "jinja2": {"ledger.service"},
    "markupsafe": {"ledger.service"},
    "starlette": {"ledger.service"},
    "uvicorn": {"ledger.service.server", "ledger.service.wire"},
    "hypothesis": {"ledger.testing"},
}


def modules():
    """Module name -> file, of both packages."""
    found = {}
    for package in ("ledger", "projections"):
        for file in (ROOT / package).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


MODULES = modules()


def imports(name):
    """What a module imports, as full names; `from package import x` is module x where there is one."""
    file, is_package = MODULES[name], MODULES[name].name == "__init__.py"
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: len(name.split(".")) + is_package - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in MODULES else base


def within(name, packages):
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def room(name):
    """The room of a module of ledger: `ledger.store.sqlite` is in `store`."""
    return name.split(".")[1] if "." in name else None


#: `Ledger.open` gives a ledger of another kind where it is asked for a URL: the one door that leads upstairs.
DOOR = ("ledger.ledger", "ledger.client")
GRAPH = {
    name: {target for target in imports(name) if target in MODULES and (name, target) != DOOR} - {name}
    for name in MODULES
}


def test_the_graph_sees_what_is_there():
    assert "ledger.store.sqlite" in GRAPH["ledger.ledger"]
    assert "ledger.events" in GRAPH["ledger.rules"]
    assert "ledger.names" in GRAPH["projections.dossier"]
    assert "projections.dossier" in GRAPH["projections.status"]


def test_every_room_of_the_ledger_has_its_floor():
    assert {room(name) for name in MODULES if name.startswith("ledger.")} <= FLOOR_OF.keys()


def test_a_room_imports_nothing_from_above_it():
    for name, targets in GRAPH.items():
        if name.startswith("ledger."):
            for target in targets:
                if target.startswith("ledger."):
                    assert FLOOR_OF[room(target)] <= FLOOR_OF[room(name)], f"{name} imports {target}"


#: From the rules of one claim up to what serves a part of the board.
STOREYS = ("projections.tracking", "projections.views", "projections.part")


def storey(name):
    """How high a module of projections stands; the rules of one claim, and the readings of them, lowest."""
    return next((place for place, package in enumerate(STOREYS, 1) if within(name, [package])), 0)


def test_the_rules_know_nothing_of_what_keeps_them_up_and_that_nothing_of_the_views():
    assert {storey(name) for name in MODULES if name.startswith("projections.")} == {0, 1, 2, 3}
    for name, targets in GRAPH.items():
        if name.startswith("projections."):
            for target in targets:
                if target.startswith("projections."):
                    assert storey(target) <= storey(name), f"{name} imports {target}"


def test_the_door_upstairs_is_opened_only_when_somebody_goes_through():
    name, target = DOOR
    assert target in imports(name)
    top = ast.parse(MODULES[name].read_text(encoding="utf-8")).body
    assert not [node for node in top if isinstance(node, ast.ImportFrom) and node.module == target.split(".")[1]]


def test_imports_run_in_no_circle():
    # The face imports its rooms by name; what stands on it stands above all of them.
    graph = {name: targets - {"ledger"} for name, targets in GRAPH.items()}
    assert list(TopologicalSorter(graph).static_order())


def test_only_the_roofs_and_what_embedders_use_look_at_the_face():
    for name, targets in GRAPH.items():
        if "ledger" in targets and name.startswith("ledger."):
            assert room(name) in ROOFS, f"{name} imports the package's face"


def test_the_record_does_not_know_the_readings():
    for name, targets in GRAPH.items():
        if within(name, ["ledger"]) and room(name) not in ROOFS:
            assert not [target for target in targets if within(target, ["projections"])], name


def test_nobody_imports_the_roofs():
    for name, targets in GRAPH.items():
        for roof in ROOFS:
            above = {"ledger.cli.serve"} if roof == "service" else set()  # the command that puts the other one up
            if not within(name, [f"ledger.{roof}"]) and name not in above:
                assert not [target for target in targets if within(target, [f"ledger.{roof}"])], name


def test_the_outside_world_is_known_only_where_it_may_be():
    for name in MODULES:
        for target in imports(name):
            top = target.split(".")[0]
            if top not in ("ledger", "projections") and top not in sys.stdlib_module_names:
                assert within(name, MAY_KNOW.get(top, ())), f"{name} imports {top}"


def test_an_import_of_the_ledger_brings_in_no_slow_thing():
    slow = {
        "click",
        "asyncio",
        "eventsourcing",
        "apsw",
        "httpx",
        "hypothesis",
        "projections",
        "ledger.client",
        "ledger.testing",
        "ledger.store.sqlite",
    }
    every_name = (
        "import sys, ledger; [getattr(ledger, name) for name in ledger.__all__]; print(*sys.modules, sep='\\n')"
    )
    command = [sys.executable, "-P", "-c", every_name]
    ran = subprocess.run(command, env=os.environ, capture_output=True, check=True, text=True)
    brought_in = set(ran.stdout.split())
    assert "ledger.ledger" in brought_in
    assert not slow & brought_in


def test_all_is_exactly_the_sorted_public_names():
    assert ledger.__all__ == sorted(ledger.__all__)
    assert all(hasattr(ledger, name) for name in ledger.__all__)
    (face,) = (node for node in ast.parse(MODULES["ledger"].read_text()).body if isinstance(node, ast.If))
    typed = [alias.name for node in face.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(typed) == ledger.__all__, "what type checkers see is what there is"
    events = {cls.__name__ for cls in TYPES.values()}
    errors = {name for name in vars(ledger.errors) if isinstance(getattr(ledger.errors, name), type)}
    missing = (events | errors) - {"Any", "Sequence"} - set(ledger.__all__)
    assert not missing, f"events and errors that are not public: {missing}"


# -- what the README tells ---------------------------------------------------------------------------------------------


README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading):
    """The rows of the table below a heading of the README: what stands in backticks in the first cell, and the second
    cell."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0], re.M)
    return {word: told for cell, told in rows for word in re.findall("`([^`]+)`", cell)}


def test_every_event_is_in_the_readme_and_no_other():
    assert sorted(table("The events")) == sorted(TYPES)


def test_every_flag_is_told_in_the_readme_as_it_is_everywhere():
    assert table("The flags") == FLAGS


def told_rooms():
    """The files and folders of the README's tables of rooms; what follows a path in its cell lies beside it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The code, room by room")[2]
    for cell in re.findall(r"^\| (`.*?) \|", text.partition("\n## ")[0], re.MULTILINE):
        first, *beside = re.findall(r"`([^`]+)`", cell)
        yield from (ROOT / first, *((ROOT / first).parent / one for one in beside))


def test_the_readme_tells_of_every_room_and_of_none_that_is_not_there():
    rooms = set(told_rooms())
    assert not [room for room in rooms if not room.exists()]
    parted = {room.parent for room in rooms}  # a folder whose files are told one by one is told whole
    untold = [
        file
        for file in MODULES.values()
        if not file.name.startswith("__") and file not in rooms and (file.parent in parted or file.parent not in rooms)
    ]
    assert not untold


def test_the_readme_of_the_tests_tells_of_every_file_of_theirs_and_of_none_that_is_not_there():
    told = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    there = {file.name for file in (ROOT / "tests").rglob("*.py")}
    assert not [file.name for file in (ROOT / "tests").glob("*.py") if f"`{file.name}`" not in told]
    assert set(re.findall(r"`(?:benchmarks/)?(\w+\.py)(?:`| )", told)) <= there


def test_whatever_the_code_points_to_is_there():
    def is_there(name):
        parts = name.split(".")
        depth = max(depth for depth in range(1, len(parts) + 1) if ".".join(parts[:depth]) in MODULES)
        found = importlib.import_module(".".join(parts[:depth]))
        for part in parts[depth:]:
            found = getattr(found, part, None)
        return found is not None

    pointed = {
        (name, target)
        for name, file in MODULES.items()
        for target in re.findall(r"`((?:ledger|projections)(?:\.\w+)+)`", file.read_text(encoding="utf-8"))
    }
    assert len(pointed) > 20
    assert not [pair for pair in pointed if not is_there(pair[1])]


def test_every_verb_of_a_ledger_is_told_in_the_readme():
    table = README.partition("All that a ledger can be asked for:")[2].partition("\n\n")[2].partition("\n\n")[0]
    told = [verb for row in table.splitlines()[2:] for verb in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(name for name in vars(ledger.Ledger) if not name.startswith("_"))


def test_every_command_is_told_in_the_readme_as_in_the_help():
    from ledger.cli import COMMANDS

    told = {f"claims {name}": text.rstrip(".") for section in COMMANDS.values() for name, (_, text) in section.items()}
    assert len(told) > 20
    assert table("The commands") == told


def test_every_module_says_in_its_first_line_what_it_is():
    for name, file in MODULES.items():
        doc = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        assert doc, f"{name} has no docstring"
        assert doc.splitlines()[0].rstrip().endswith((".", "?", ":")), f"{name}: {doc.splitlines()[0]}"
