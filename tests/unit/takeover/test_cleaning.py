"""What a hand-back takes away: our words and our ownership, and nothing else."""

from pydantic import JsonValue

from worker.takeover.cleaning import cleaned

FLAGGERS: JsonValue = {"manager": "flagger", "operation": "Update", "fieldsV1": {"f:spec": {}}}
OURS: JsonValue = {"manager": "serinus", "operation": "Apply", "fieldsV1": {"f:spec": {}}}


def an_object(annotations: dict[str, JsonValue], *managed: JsonValue) -> dict[str, JsonValue]:
    return {
        "metadata": {
            "resourceVersion": "7",
            "annotations": annotations,
            "managedFields": [*managed],
        }
    }


def test_our_annotations_go_and_all_others_stay() -> None:
    live = an_object(
        {"serinus.dev/fence": "1.2", "flagger-id": "x", "serinus.dev/handed-back": "true"},
        FLAGGERS,
    )

    assert cleaned(live) == {
        "metadata": {"annotations": {"serinus.dev/fence": None}, "resourceVersion": "7"}
    }


def test_nobody_owns_what_we_owned() -> None:
    assert cleaned(an_object({}, FLAGGERS, OURS)) == {
        "metadata": {"managedFields": [FLAGGERS], "resourceVersion": "7"}
    }
    # An empty list would leave the ownership as it is.
    assert cleaned(an_object({}, OURS)) == {
        "metadata": {"managedFields": [{}], "resourceVersion": "7"}
    }


def test_an_object_without_a_word_of_ours_is_not_written() -> None:
    assert cleaned(an_object({"flagger-id": "x"}, FLAGGERS)) is None
