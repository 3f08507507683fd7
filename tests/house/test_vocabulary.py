"""One word per idea: what the table of names forbids does not name anything of ours.

Words of the Kubernetes API (PodSpec, containers) stay where manifests and kubectl's own paths need them.
"""

from __future__ import annotations

import re

from tests.house.project import own_modules

# What we say -> what it is never called.
NEVER = {
    "controller": {"Handler", "Manager"},
    "resource": {"CustomResource", "CR"},
    "decision": {"Plan"},
    "round": {"Iteration"},
    "unit": {"Pod"},
}
# GlobalManager is a proper name; PodSpec and its parts are a manifest's own words.
ALLOWED = re.compile(r"GlobalManager|^Pod(Spec|Template|View|Metadata)?$|^(_?)(Door|Request)Handler$")
KUBERNETES_WORDS = {"sedna.api.pods", "sedna_gm.http.pods"}
# org.freedesktop.systemd1.Manager is systemd's own name for what this module talks to.
SYSTEMD_WORDS = {"sedna_lc.runners.systemd.manager"}


def test_classes_are_named_by_the_vocabulary() -> None:
    forbidden = {word for words in NEVER.values() for word in words}
    wrong = []
    for module in own_modules():
        # A class that a library makes us derive from keeps that library's word.
        for node in (node for node in module.classes if not node.bases and not ALLOWED.search(node.name)):
            words = set(re.findall(r"[A-Z][a-z]+|[A-Z]+(?![a-z])", node.name))
            if words & forbidden and module.name not in KUBERNETES_WORDS | SYSTEMD_WORDS:
                wrong.append(f"{module.name}.{node.name}")
    assert wrong == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    marks = re.compile(r"#\s*(TODO|FIXME|XXX|HACK)\b")
    assert [module.name for module in own_modules() if marks.search(module.text)] == []
