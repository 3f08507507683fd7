"""The rules of the Ansible half: contracts that equal what is done, names, secrets, handlers, nothing unchecked."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.house.project import ROOT
from tests.house.roles import Role, Task, all_tasks, load, playbooks, roles

each_role = pytest.mark.parametrize("role", roles(), ids=str)
needs_ansible = pytest.mark.skipif(sys.version_info < (3, 11), reason="ansible-core 2.19 wants Python 3.11")

TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "path": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "dict": dict,
    "list": list,
    "raw": object,
}


def reference() -> ModuleType:
    path = ROOT / "docs" / "roles_reference.py"
    spec = importlib.util.spec_from_file_location("roles_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@each_role
def test_the_contract_of_a_role_names_the_defaults_it_has(role: Role) -> None:
    said = {name: option["default"] for name, option in role.options.items() if not option.get("required")}
    assert said == role.document("defaults/main.yml")


@each_role
def test_a_required_variable_has_no_default(role: Role) -> None:
    required = {name for name, option in role.options.items() if option.get("required")}
    assert not required & role.document("defaults/main.yml").keys()
    assert not [name for name in required if "default" in role.options[name]]


@each_role
def test_a_default_is_of_the_type_that_the_contract_says(role: Role) -> None:
    for name, option in role.options.items():
        if "default" in option:
            # bool is an int for Python, and not for a person.
            assert isinstance(option["default"], TYPES[option["type"]]), name
            assert (option["type"] == "bool") == isinstance(option["default"], bool), name
            assert option["default"] in option.get("choices", [option["default"]]), name


@each_role
def test_a_variable_is_described(role: Role) -> None:
    assert [name for name, option in role.options.items() if not option.get("description")] == []


@each_role
def test_public_variables_carry_the_name_of_the_role_and_internal_ones_two_underlines(role: Role) -> None:
    assert [name for name in role.options if not name.startswith(f"{role.name}_")] == []
    assert [name for name in role.document("vars/main.yml") if not name.startswith(f"__{role.name}_")] == []


def test_what_a_task_registers_is_internal() -> None:
    assert [task.where for task in all_tasks() if not task.content.get("register", "__").startswith("__")] == []


@each_role
def test_a_role_describes_itself(role: Role) -> None:
    assert len((role.path / "README.md").read_text().splitlines()) > 5
    assert role.document("meta/main.yml")["galaxy_info"]["role_name"] == role.name


@each_role
def test_the_table_in_the_readme_is_what_the_contract_says(role: Role) -> None:
    """Run `make references` after a variable has changed."""
    assert (role.path / "README.md").read_text(encoding="utf-8") == reference().readme(role.path)


def test_the_page_of_all_roles_is_what_their_contracts_say() -> None:
    """Run `make references` after a variable has changed."""
    page = reference().PAGE.read_text(encoding="utf-8")
    assert page == reference().page()
    for role in roles():
        assert f"\n## {role.name}\n" in page
        assert [name for name in role.options if f"\n| `{name}` |" not in page] == []


def test_no_default_ends_its_cell_of_a_table() -> None:
    rows = [row for role in roles() for row in reference().table(role.path).splitlines()]
    assert [row for row in rows if row.replace("\\|", "").count("|") != 5] == []


@each_role
def test_the_acts_of_a_role_have_a_file_each(role: Role) -> None:
    acts = {path.stem for path in (role.path / "tasks").glob("*.yml")}
    assert "main" in acts
    assert "preflight" in acts


def test_every_task_has_a_name_that_says_what_it_does() -> None:
    """In the file of an act, the act comes first: the output of a run then tells where a task is."""
    for task in all_tasks():
        is_act = task.path.parent.name == "tasks" and task.path.stem != "main"
        start = f"{task.path.stem} | " if is_act else ""
        assert re.match(re.escape(start) + "[A-Z][a-z]+ ", task.name), task.where


def test_only_builtin_modules_are_used() -> None:
    for task in all_tasks():
        is_block = task.module is None and "block" in task.content
        assert is_block or str(task.module).startswith("ansible.builtin."), task.where


def test_no_task_goes_through_a_shell_or_ignores_its_errors() -> None:
    for task in all_tasks():
        assert task.module not in ("ansible.builtin.shell", "ansible.builtin.raw"), task.where
        assert "ignore_errors" not in task.content, task.where


def test_a_mode_is_a_text() -> None:
    for task in all_tasks():
        mode = task.arguments.get("mode")
        assert mode is None or re.fullmatch(r"0[0-7]{3}|\{\{.*\}\}", mode), task.where


def test_every_template_is_checked_before_it_lands() -> None:
    templates = [task for task in all_tasks() if task.module == "ansible.builtin.template"]
    assert templates
    assert [task.where for task in templates if "%s" not in validator(task)] == []


def validator(task: Task) -> str:
    """The command that checks what lands; a variable of the shared role stands for one of them."""
    said = str(task.arguments.get("validate", ""))
    shared = load(ROOT / "roles" / "sedna_common" / "vars" / "main.yml")
    return re.sub(r"\{\{ (\w+) \}\}", lambda found: str(shared.get(found[1], "")), said)


@each_role
def test_nothing_restarts_outside_of_handlers(role: Role) -> None:
    for task in role.tasks:
        if task.module in ("ansible.builtin.systemd_service", "ansible.builtin.service", "ansible.builtin.systemd"):
            assert task.arguments.get("state") not in ("restarted", "reloaded"), task.where
        if task.module == "ansible.builtin.command":
            words = task.arguments.get("argv", [])
            assert not {"restart", "reload", "try-restart"} & set(words if isinstance(words, list) else []), task.where


@each_role
def test_a_reload_yields_to_a_restart(role: Role) -> None:
    restarted = [task for task in role.handlers if task.arguments.get("state") == "restarted"]
    for position, task in enumerate(role.handlers):
        if task.arguments.get("state") == "reloaded":
            before = [one for one in role.handlers[:position] if one in restarted]
            assert any(f"{one.content['register']} is not changed" in str(task.content["when"]) for one in before)


@each_role
def test_what_is_notified_is_a_handler(role: Role) -> None:
    names = {handler.name for handler in role.handlers}
    for task in role.tasks:
        told = task.content.get("notify", [])
        for one in [told] if isinstance(told, str) else told:
            # A choice between handlers names them in quotes.
            wanted = re.findall(r"'([^']+)'", one) if "{{" in one else [one]
            assert wanted
            assert set(wanted) <= names, task.where


def test_facts_do_not_override_what_a_user_has_set() -> None:
    for task in all_tasks():
        if task.module == "ansible.builtin.set_fact":
            assert [name for name in task.arguments if not name.startswith("__")] == [], task.where


# What is secret, by the words that name it. Variables of that kind, and the folder that their values lie in.
SECRET = re.compile(r"sedna_\w*_credentials(?!_dir)|__sedna_lc_credentials_dir|sedna_gm_tls_key|(token|password)s?\b")
# The folder itself is no secret, nor is the name of a credential.
OPEN = ("ansible.builtin.import_tasks",)


def _words(task: Task) -> str:
    kept = {key: value for key, value in task.content.items() if key not in ("block", "rescue", "always", "name")}
    if task.module == "ansible.builtin.fail":
        # A sentence may name what is secret; what it fills in may not be it.
        return repr(re.findall(r"\{\{.*?\}\}", str(kept)))
    return repr(kept)


def test_what_touches_a_secret_is_hidden_by_the_switch_of_its_role() -> None:
    for task in all_tasks():
        makes_folder = task.arguments.get("state") == "directory"
        if SECRET.search(_words(task)) and task.module not in OPEN and not makes_folder:
            role = task.path.parts[-3]
            assert task.content.get("no_log") == f"{{{{ {role}_secure_logging }}}}", task.where


def test_secrets_are_looked_for() -> None:
    hidden = [task for task in all_tasks() if "no_log" in task.content]
    assert {task.path.parts[-3] for task in hidden} >= {"sedna_gm", "sedna_lc"}
    assert len(hidden) >= 8


@each_role
def test_the_switch_for_secrecy_is_on(role: Role) -> None:
    used = any("no_log" in task.content for task in (*role.tasks, *role.handlers))
    assert role.options.get(f"{role.name}_secure_logging", {}).get("default") is (True if used else None)


@each_role
def test_roles_know_no_groups_of_hosts(role: Role) -> None:
    for path in sorted(role.path.rglob("*")):
        if path.is_file() and path.suffix in (".yml", ".j2"):
            assert not re.search(r"\bgroups\b[.\[]|\bgroup_names\b", path.read_text(encoding="utf-8")), path


def test_file_names_have_underlines() -> None:
    folders = [ROOT / name for name in ("roles", "playbooks", "inventory", "molecule")]
    found = [path for folder in folders for path in folder.rglob("*.yml") if "-" in path.name]
    assert found == []


@pytest.mark.parametrize("playbook", playbooks(), ids=lambda path: path.name)
def test_a_playbook_names_its_plays_and_gathers_no_needless_facts(playbook: Path) -> None:
    for play in load(playbook):
        assert re.match("[A-Z]", play["name"])
        assert "import_playbook" in play or play["gather_facts"] is False


def run(*words: str) -> subprocess.CompletedProcess[str]:
    folder = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    command = [str(folder / words[0]), *words[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@needs_ansible
@pytest.mark.parametrize("inventory", ["local", "example"])
def test_an_inventory_knows_the_groups_that_the_playbooks_name(inventory: str) -> None:
    listed = run("ansible-inventory", "--inventory", f"inventory/{inventory}", "--list", "--yaml")
    assert listed.returncode == 0, listed.stderr
    assert yaml.safe_load(listed.stdout)["all"]["children"].keys() >= {"sedna_gm", "sedna_lc"}


@pytest.mark.parametrize("inventory", ["local", "example"])
def test_files_of_variables_are_named_after_the_role_they_steer(inventory: str) -> None:
    names = {role.name for role in roles()}
    files = sorted((ROOT / "inventory" / inventory / "group_vars").iterdir())
    assert files
    for path in files:
        assert path.stem in names
        assert [name for name in load(path) if not name.startswith(f"{path.stem}_")] == []


@needs_ansible
@pytest.mark.parametrize("inventory", ["local", "example"])
def test_the_playbooks_can_be_read(inventory: str) -> None:
    checked = run("ansible-playbook", "--syntax-check", "--inventory", f"inventory/{inventory}", *map(str, playbooks()))
    assert checked.returncode == 0, checked.stderr
