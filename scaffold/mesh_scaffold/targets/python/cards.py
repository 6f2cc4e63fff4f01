"""What a card shows of each field: expressions of the app's own page templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_scaffold.render import Code
from mesh_scaffold.render.literals import html
from mesh_scaffold.targets.python.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_descriptors.project import RefSection
    from mesh_scaffold.spec.model import Field, PostTypeSpec

MEDIA = frozenset({"image", "audio", "video"})
IN_TEXT = frozenset({"text", "json"}) | MEDIA


@dataclass(frozen=True, slots=True)
class CardField:
    """A field in a card; what is Code is a piece of the app's template.

    Attributes:
        label: what people read.
        item: the value, or a list's item, as HTML.
        if_present: opens the condition under which it is shown.
        for_each: opens the loop over a list.
        end_if: closes that condition.
        end_for: closes that loop.
        optional: whether it may be absent.
        is_list: whether it is a list.
        is_media: whether it is an image, a sound or a film.
        is_json: whether it is any JSON.
        is_block: whether it stands on its own, and not among the facts at the end.
    """

    label: str
    item: Code
    if_present: Code
    for_each: Code
    optional: bool
    is_list: bool
    is_media: bool
    is_json: bool
    is_block: bool
    end_if: Code
    end_for: Code


def card_fields(spec: PostTypeSpec, refs: Mapping[str, RefSection]) -> tuple[CardField, ...]:
    """The fields of a card, in the order of the spec."""
    return tuple(_card_field(spec, field, refs) for field in spec.fields)


def title_of(spec: PostTypeSpec) -> int | None:
    """Which field is the card's title: the first that is a single line of text."""
    return next((index for index, field in enumerate(spec.fields) if str(field.type) == "string"), None)


def _card_field(spec: PostTypeSpec, field: Field, refs: Mapping[str, RefSection]) -> CardField:
    value = f"post.payload.get('{field.name}')" if spec.storage == "json" else f"post.{spec.column_of(field)}"
    shown = kind_of(field.type, refs).shown
    item = "item" if field.type.is_list else value
    return CardField(
        label=field.label,
        item=Code(_inline("post" if field.type.ref == "post" else shown, item, str(html(field.label)))),
        if_present=Code(f"{{% if {value} %}}" if field.type.is_list else f"{{% if {value} is not none %}}"),
        for_each=Code(f"{{% for item in {value} %}}"),
        optional=not field.required,
        is_list=field.type.is_list,
        is_media=shown in MEDIA,
        is_json=shown == "json",
        end_if=Code("{% endif %}"),
        end_for=Code("{% endfor %}"),
        is_block=field.type.is_list or (shown in IN_TEXT and field.type.name != "ref"),
    )


def _inline(shown: str, value: str, label: str) -> str:
    output = f"{{{{ {value} }}}}"
    return {
        "image": f'<img src="{output}" alt="{label}" loading="lazy">',
        "audio": f'<audio src="{output}" aria-label="{label}" controls preload="none"></audio>',
        "video": f'<video src="{output}" aria-label="{label}" controls preload="metadata"></video>',
        "link": f'<a class="card-link" href="{output}" rel="noopener nofollow ugc">{output}</a>',
        "file": f'<a class="card-link" href="{output}" rel="noopener nofollow ugc">{output}</a>',
        "post": f'<a class="card-link" href="/posts/{output}">{output}</a>',
        "tag": f'<span class="tag">{output}</span>',
        "moment": f"{{{{ {value} | when }}}}",
        "json": f"{{{{ {value} | tojson(indent=2) }}}}",
        "yes-no": f"{{{{ 'Yes' if {value} else 'No' }}}}",
    }.get(shown, output)
