from __future__ import annotations

import pytest

from mesh_scaffold.spec.arguments import ArgumentError, document_of
from mesh_scaffold.spec.read import read_spec
from mesh_scaffold.spec.write import to_yaml

REFS = ("user", "post")


def test_fields_of_the_command_line_become_a_spec_that_people_can_read() -> None:
    fields = ["question:string", "options:list[string]", "servings:int?", "level:enum(easy, on)", "by:ref[user]?"]
    text = to_yaml(document_of("poll", fields, "Quick poll", REFS))
    assert text == (
        "kind: post-type\n"
        "name: poll\n"
        "label: Quick poll\n"
        "fields:\n"
        "  question: {type: string}\n"
        '  options: {type: "list[string]"}\n'
        "  servings: {type: int, required: false}\n"
        '  level: {type: enum, values: [easy, "on"]}\n'
        '  by: {type: "ref[user]", required: false}\n'
    )
    spec = read_spec(text.encode(), "specs/poll.yaml")
    assert [str(field.type) for field in spec.fields] == ["string", "list[string]", "int", "enum", "ref[user]"]
    assert spec.fields[3].values == ("easy", "on")


def test_hyphens_in_names_become_underscores() -> None:
    assert list(document_of("poll", ["image-url:image"], None, REFS)["fields"]) == ["image_url"]


def test_a_list_of_an_enum_has_its_values_inside() -> None:
    field = document_of("poll", ["tags:list[enum(red,green)]?"], None, REFS)["fields"]["tags"]
    assert field == {"type": "list[enum]", "values": ["red", "green"], "required": False}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("question", "--field 'question' is no field\n  Write name:type, as in --field 'servings:int?'."),
        (":int", "--field ':int' is no field\n  Write name:type, as in --field 'servings:int?'."),
        ("a:", "--field 'a:' is no field\n  Write name:type, as in --field 'servings:int?'."),
        ("a:enum", "--field 'a:enum': an enum has its values in parentheses\n"
                   "  Write enum(one,two), as in --field 'difficulty:enum(easy,medium,hard)'."),
        ("a:enum()", "--field 'a:enum()': a value of the enum is empty\n"
                     "  Write enum(one,two), as in --field 'difficulty:enum(easy,medium,hard)'."),
        ("a:ref[usr]", "--field 'a:ref[usr]': ref[usr] refers to nothing that this project has\n"
                       "  Did you mean 'user'? Known: post, user. More can be named in mesh.toml: [refs.<name>]."),
    ],
)  # fmt: skip
def test_an_argument_that_is_no_field_is_refused(argument: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        document_of("poll", [argument], None, REFS)
    assert str(caught.value) == message


def test_all_arguments_are_judged_at_once() -> None:
    with pytest.raises(ArgumentError) as caught:
        document_of("poll", ["a:int", "a:int", "b", "c:strng"], None, REFS)
    assert [problem.message for problem in caught.value.problems] == [
        "--field 'a:int': the field 'a' stands twice",
        "--field 'b' is no field",
        "--field 'c:strng': unknown type 'strng'",
    ]
