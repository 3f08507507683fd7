"""`GET /metrics`: a page that Prometheus reads, for those who may see all namespaces."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from sedna_gm.identity.deciding import Action, refusal
from sedna_gm.identity.identities import ROLES, Identity
from tests.gm.http.conftest import answer_seconds, artifacts, clock, door, parts, settings  # noqa: F401 - the door's fixtures
from tests.gm.http.doors import MODELS, Door


def test_the_door_counts_what_it_answers_refusals_included(door: Door) -> None:  # noqa: F811
    door.get(MODELS)
    door.get(f"{MODELS}/nobody", expect=404)
    response = door.get("/metrics")
    assert response.content_type.startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in text_string_to_metric_families(response.get_data(as_text=True))}
    counts = {(one.labels["method"], one.labels["code"]): one.value for one in families["sedna_http_requests"].samples
              if one.name.endswith("_total")}  # fmt: skip
    assert counts == {("GET", "200"): 1, ("GET", "404"): 1}
    assert families["sedna_http_request_duration_seconds"].type == "histogram"


def test_any_role_reads_the_metrics_but_only_with_all_namespaces() -> None:
    for role in ROLES:
        everywhere = Identity("person", "ann", role=role, namespaces=("*",))
        here = Identity("person", "ann", role=role, namespaces=("shop",))
        assert refusal(everywhere, Action("get", "metrics")) is None
        assert "read-metrics" in str(refusal(here, Action("get", "metrics")))


def test_a_node_reads_no_metrics_of_others() -> None:
    assert refusal(Identity("node", "edge"), Action("get", "metrics")) is not None
