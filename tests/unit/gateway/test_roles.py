"""Who may do what where: the table of roles, and the file that people write it in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.gateway.identity import NEEDED, Binding, Person, Role, bindings_of
from worker.gateway.roles import Roles, read_roles
from worker.settings import SettingsError
from workflows.model.identity import Slot
from workflows.model.status import Verb

OWN, FOREIGN = Slot(namespace="shop", name="web"), Slot(namespace="bank", name="web")
MAY = {
    Role.VIEWER: set[Verb](),
    Role.APPROVER: {Verb.APPROVE, Verb.REJECT},
    Role.OPERATOR: set(Verb) - {Verb.SKIP},
    Role.ADMIN: set(Verb),
}


def person(*bindings: Binding) -> Person:
    return Person(name="ana", bindings=bindings)


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("role", Role)
def test_each_role_may_what_the_table_says_and_in_its_namespaces_only(
    role: Role, verb: Verb
) -> None:
    ana = person(Binding(role=role, people=("ana",), namespaces=("shop",)))
    assert ana.may(verb, OWN) is (verb in MAY[role])
    assert not ana.may(verb, FOREIGN)
    assert ana.may_see(OWN)
    assert not ana.may_see(FOREIGN)


def test_every_verb_needs_a_role() -> None:
    assert set(NEEDED) == set(Verb)


def test_a_binding_may_be_for_some_targets() -> None:
    ana = person(Binding(role=Role.OPERATOR, people=("ana",), targets=("web",)))
    assert ana.may(Verb.ABORT, OWN)
    assert not ana.may_see(Slot(namespace="shop", name="api"))


def test_nobody_without_a_binding_sees_anything() -> None:
    assert not person().may_see(OWN)


names = st.sampled_from(["ana", "ben", "shop-team", "leads", "*", "anonymous"])
bindings = st.builds(
    Binding,
    role=st.sampled_from(Role),
    people=st.lists(names, max_size=2).map(tuple),
    groups=st.lists(names, max_size=2).map(tuple),
    namespaces=st.lists(st.sampled_from(["shop", "bank", "*"]), max_size=2).map(tuple),
)


@given(st.lists(bindings).map(tuple), bindings)
def test_another_binding_never_takes_anything_away(
    held: tuple[Binding, ...], more: Binding
) -> None:
    before, after = person(*held), person(*held, more)
    for slot in (OWN, FOREIGN):
        assert {verb for verb in Verb if before.may(verb, slot)} <= {
            verb for verb in Verb if after.may(verb, slot)
        }


@given(st.lists(bindings).map(tuple))
def test_only_bindings_that_name_somebody_hold_for_them(every: tuple[Binding, ...]) -> None:
    for binding in bindings_of("ana", ("shop-team",), every):
        assert {"ana", "*"} & set(binding.people) or {"shop-team", "*"} & set(binding.groups)


def test_the_file_is_read() -> None:
    text = b"bindings: [{role: Approver, groups: [shop-team], namespaces: [shop]}]"
    (binding,) = read_roles(text, "roles.yaml")
    assert binding == Binding(role=Role.APPROVER, groups=("shop-team",), namespaces=("shop",))
    assert read_roles(b"", "roles.yaml") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bindings: [{role: king, people: [ana]}]", "bindings[0].role: "),
        ("bindings: [{role: admin}]", "bindings[0]: "),
        ("bindings: [{role: admin, people: [ana], namespace: [shop]}]", "bindings[0].namespace: "),
        ("bindings: [{role: admin, people: ana}]", "bindings[0].people: "),
        ("binding: []", "binding: "),
        ("bindings: [{role: admin, people: [ana], namespaces: []}]", "bindings[0].namespaces: "),
        ("[", "is no YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_path_of_the_field(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_roles(text.encode(), "roles.yaml")
    assert str(refused.value).startswith("roles.yaml: ")
    assert said in str(refused.value)


def test_a_changed_file_counts_at_once_and_a_broken_one_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "roles.yaml"
    path.write_text("bindings: [{role: viewer, people: [ana]}]", encoding="utf-8")
    roles = Roles(path)
    path.write_text("bindings: [{role: operator, people: [ana]}]", encoding="utf-8")
    assert [each.role for each in roles.bindings()] == [Role.OPERATOR]
    path.write_text("bindings: [{role: nonsense, people: [ana]}]", encoding="utf-8")
    assert [each.role for each in roles.bindings()] == [Role.OPERATOR]
    path.write_text("bindings: []", encoding="utf-8")
    assert roles.bindings() == ()


def test_a_file_that_is_not_there_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"roles\.yaml: the roles file is not there"):
        Roles(tmp_path / "roles.yaml")
