"""Every place that can enumerate types, as code that lacks one (found, on that line) and code that is right."""

# ruff: noqa: E501  an example is one piece of code, easier to read on one line

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mesh_scaffold.enumerations.judge import judge
from mesh_scaffold.enumerations.scan import find
from mesh_scaffold.enumerations.vocabulary import Vocabulary

if TYPE_CHECKING:
    from mesh_scaffold.enumerations.judge import Judged

TYPES = ("text", "image", "product_review", "poll")


def judged(files: dict[str, str], types: tuple[str, ...] = TYPES) -> Judged:
    found = find([(path, text.encode()) for path, text in files.items()], Vocabulary(types), "sql/migrations")
    return judge(found.enumerations, types, lines=found.lines)


def gaps(path: str, text: str, types: tuple[str, ...] = TYPES) -> list[tuple[int | None, str]]:
    """Line and type of each gap."""
    found = [gap.problem.place for gap in judged({path: text}, types).gaps]
    names = [gap.type for gap in judged({path: text}, types).gaps]
    return [(place.line, name) for place, name in zip(found, names, strict=True) if place]


@dataclass(frozen=True)
class Rule:
    """`found` lacks POLL on `line`; `right` lacks nothing."""

    path: str
    found: str
    right: str
    line: int = 1


RULES = {
    "a list": Rule("a.py", 'X = ["TEXT", "IMAGE", "PRODUCT_REVIEW"]', 'X = ["TEXT", "IMAGE", "PRODUCT_REVIEW", "POLL"]'),
    "a list of members": Rule("a.py", "X = [T.TEXT, T.IMAGE, T.PRODUCT_REVIEW]", "X = [*Y, T.IMAGE, T.PRODUCT_REVIEW]"),
    "a set in a call": Rule("a.py", "X = frozenset({T.TEXT, T.IMAGE, T.PRODUCT_REVIEW})", "X = frozenset(T)"),
    "lower case": Rule("a.py", 'X = ("text", "image", "product_review")', 'X = ("text", "image", "Product_Review")'),
    "keys of a dict": Rule(
        "a.py",
        'X = {\n    T.TEXT: 1,\n    T.IMAGE: 2,\n    T.PRODUCT_REVIEW: 3,\n}',
        'X = {T.TEXT: 1, T.IMAGE: 2, T.PRODUCT_REVIEW: 3, T.POLL: 4}',
    ),
    "values of a dict": Rule(
        "a.py", 'X = {"a": T.TEXT, "b": T.IMAGE, "c": T.PRODUCT_REVIEW}', 'X = {"text": 1, "image_url": 2, "poll_at": 3}'
    ),
    "arguments": Rule("a.py", "E = Enum('TEXT', 'IMAGE', 'PRODUCT_REVIEW')", "f(text, image, product_review)"),
    "Literal": Rule("a.py", 'X = Literal["TEXT", "IMAGE", "PRODUCT_REVIEW"]', 'X = Literal["TEXT", "B", "C", "D"]'),
    "a union of classes": Rule(
        "a.py", "X = TextPost | ImagePost | ProductReviewPost", "X = TextPost | ImagePost | ProductReviewPost | PollPost"
    ),
    "Union": Rule("a.py", "X = Union[TextPost, ImagePost, ProductReviewPost]", "X = Union[TextPost, ImageCard, Poll]"),
    "an enum": Rule(
        "a.py",
        'class X(StrEnum):\n    TEXT = "TEXT"\n    IMAGE = "IMAGE"\n    PRODUCT_REVIEW = "PRODUCT_REVIEW"\n',
        'class X(BaseModel):\n    TEXT = "TEXT"\n    IMAGE = "IMAGE"\n    PRODUCT_REVIEW = "PRODUCT_REVIEW"\n',
    ),
    "match": Rule(
        "a.py",
        "match x:\n    case T.TEXT:\n        a()\n    case T.IMAGE | T.PRODUCT_REVIEW:\n        b()\n",
        "match x:\n    case T.TEXT:\n        a()\n    case T.IMAGE:\n        b()\n",
    ),
    "if and elif": Rule(
        "a.py",
        "if x == T.TEXT:\n    a()\nelif x is T.IMAGE:\n    b()\nelif x in (T.PRODUCT_REVIEW,):\n    c()\n",
        "if x == T.TEXT:\n    a()\nelif y == T.IMAGE:\n    b()\nelif z == T.PRODUCT_REVIEW:\n    c()\n",
    ),
    "one if after the other": Rule(
        "a.py",
        'def f(x):\n    if x == "TEXT":\n        return 1\n    if x == "IMAGE":\n        return 2\n'
        '    if x == "PRODUCT_REVIEW":\n        return 3\n    raise ValueError\n',
        'def f(x):\n    if x == "TEXT":\n        return 1\n    if x == "IMAGE":\n        return 2\n    raise ValueError\n',
        line=2,
    ),
    "or": Rule(
        "a.py",
        'y = x == "TEXT" or x == "IMAGE" or x == "PRODUCT_REVIEW"',
        'y = x == "TEXT" or x == "IMAGE" or x == "OTHER"',
    ),
    "a list of dicts": Rule(
        "a.py",
        'X = [\n    {"type": "TEXT", "label": "Text"},\n    {"type": "IMAGE"},\n    {"type": "PRODUCT_REVIEW"},\n]',
        'X = [{"type": "TEXT"}, {"type": "IMAGE"}, {"type": "TEXT"}, {"type": "PRODUCT_REVIEW"}]',
    ),
    "pairs": Rule(
        "a.py",
        'X = [("TEXT", "A text"), ("IMAGE", "An image"), ("PRODUCT_REVIEW", "A review")]',
        'X = [("TEXT", "a"), ("IMAGE", "b"), ("c", "PRODUCT_REVIEW")]',
    ),
    "SQL in Python": Rule(
        "a.py",
        'Q = """\n    SELECT 1 FROM p\n    WHERE type IN (\'TEXT\', \'IMAGE\', \'PRODUCT_REVIEW\')\n"""',
        'Q = """WHERE type NOT IN (\'TEXT\')"""',
        line=3,
    ),
    "IN": Rule(
        "q.sql",
        "SELECT 1 -- 'POLL'\nFROM p WHERE type IN ('TEXT', 'IMAGE'::t, 'PRODUCT_REVIEW');",
        "SELECT 1 WHERE type IN ('TEXT', 'IMAGE', 'PRODUCT_REVIEW', 'POLL')",
        line=2,
    ),
    "ARRAY": Rule("q.sql", "SELECT ARRAY['TEXT', 'IMAGE', 'PRODUCT_REVIEW']", "SELECT ARRAY['TEXT', 'IMAGE']"),
    "an array in a text": Rule("q.sql", "SELECT '{TEXT,IMAGE,PRODUCT_REVIEW}'::t[]", "SELECT '{TEXT,IMAGE}'::t[]"),
    "rows": Rule(
        "q.sql",
        "INSERT INTO t VALUES ('TEXT', 1), ('IMAGE', 2), ('PRODUCT_REVIEW', 3);",
        "INSERT INTO t VALUES ('TEXT', 1), ('IMAGE', 2), ('IMAGE', 3), ('PRODUCT_REVIEW', 4);",
    ),
    "CASE": Rule(
        "q.sql",
        "SELECT CASE type WHEN 'TEXT' THEN 1 WHEN 'IMAGE' THEN 2 WHEN 'PRODUCT_REVIEW' THEN 3 END",
        "SELECT CASE WHEN a = 'TEXT' THEN 1 WHEN b = 'IMAGE' THEN 2 WHEN c = 'PRODUCT_REVIEW' THEN 3 END",
    ),
    "OR in SQL": Rule(
        "q.sql",
        "SELECT 1 WHERE type::text = 'TEXT' OR type::text = 'IMAGE' OR type::text = 'PRODUCT_REVIEW'",
        "SELECT 1 WHERE a = 'TEXT' OR b = 'IMAGE' OR c = 'PRODUCT_REVIEW'",
    ),
    "an array of JavaScript": Rule(
        "a.ts", "const x = ['TEXT', 'IMAGE', \"PRODUCT_REVIEW\"] as const", "const x = [...y, 'TEXT', 'IMAGE', 'PRODUCT_REVIEW']"
    ),
    "an object": Rule(
        "a.ts",
        "const cards: Record<PostType, C> = {\n  TEXT: TextCard,\n  [PostType.IMAGE]: ImageCard,\n  'PRODUCT_REVIEW': C,\n}",
        "const { text, image, product_review } = post",
    ),
    "an array of objects": Rule(
        "a.tsx",
        "const menu = [\n  { type: 'TEXT', label: 'Text' },\n  { type: 'IMAGE' },\n  { type: PostType.PRODUCT_REVIEW },\n]",
        "const posts = [{ type: 'TEXT' }, { type: 'IMAGE' }, { type: 'TEXT' }, { type: 'PRODUCT_REVIEW' }]",
    ),
    "an enum of TypeScript": Rule(
        "a.ts",
        "export enum PostType { TEXT = 'TEXT', IMAGE = 'IMAGE', PRODUCT_REVIEW = 'PRODUCT_REVIEW' }",
        "import { TextCard, ImageCard, ProductReviewCard } from './cards'",
    ),
    "a union of TypeScript": Rule(
        "a.ts",
        "export type PostType =\n  | 'TEXT'\n  | 'IMAGE'\n  | 'PRODUCT_REVIEW'\n",
        "export type X = 'TEXT' | 'IMAGE'\nexport type Y = 'PRODUCT_REVIEW'\n",
        line=2,
    ),
    "a union of types": Rule("a.ts", "type P = TextPost | ImagePost | ProductReviewPost", "const f = text || image"),
    "switch": Rule(
        "a.tsx",
        "switch (post.type) {\n  case 'TEXT': return 1\n  case PostType.IMAGE: return 2\n  case 'PRODUCT_REVIEW': return 3\n}",
        "switch (post.type) {\n  case 'TEXT': return 1\n  case 'IMAGE': return 2\n}",
    ),
    "=== and ||": Rule(
        "a.js",
        "const x = t === 'TEXT' || t === 'IMAGE' || t === 'PRODUCT_REVIEW';",
        "const x = t === 'TEXT'; const y = t === 'IMAGE'; const z = t === 'PRODUCT_REVIEW';",
    ),
    "else if": Rule(
        "a.js",
        "if (p.type === 'TEXT') { a() } else if (p.type === 'IMAGE') { b() } else if (p.type === 'PRODUCT_REVIEW') { c() }",
        "if (p.type === 'TEXT') { a() } else if (q.type === 'IMAGE') { b() } else if (r.x === 'PRODUCT_REVIEW') { c() }",
    ),
    "? and :": Rule(
        "a.js", "x = t === 'TEXT' ? 1 : t === 'IMAGE' ? 2 : t === 'PRODUCT_REVIEW' ? 3 : 4", "x = t === 'TEXT' ? 1 : 2"
    ),
    "&& in JSX": Rule(
        "a.tsx",
        "const X = () => <>\n  {p.type === 'TEXT' && <TextCard />}\n  {p.type === 'IMAGE' && <A />}\n  {p.type === 'PRODUCT_REVIEW' && (<B />)}\n</>",
        "const X = () => <>\n  {p.type === 'TEXT' && <TextCard />}\n  {q === 'IMAGE' && <A />}\n  {p.type === 'PRODUCT_REVIEW' && (<B />)}\n</>",
        line=2,
    ),
    "a query of Prisma": Rule(
        "a.ts",
        "db.post.findMany({ where: { type: { in: ['TEXT', 'IMAGE', 'PRODUCT_REVIEW'] } } })",
        "db.post.findMany({ where: { type: { in: types } } })",
    ),
    "a schema of zod": Rule("a.ts", "const s = z.enum(['TEXT', 'IMAGE', 'PRODUCT_REVIEW'])", "const s = z.enum(['TEXT', 'IMAGE'])"),
    "includes": Rule("a.ts", "if (['TEXT', 'IMAGE', 'PRODUCT_REVIEW'].includes(p.type)) { a() }", "if (a[p.type]) { a() }"),
    "a menu with icons": Rule(
        "a.tsx",
        "const menu = [\n  { type: PostType.TEXT, icon: <Icon.Text size={3} />, label: \"It's\" },\n  { type: PostType.IMAGE, icon: <I /> },\n  { type: PostType.PRODUCT_REVIEW, onClick: () => { go('x') } },\n]",
        "const menu = [{ type: PostType.TEXT }, { type: PostType.IMAGE }]",
    ),
    "a map": Rule("a.ts", "const m = new Map([['TEXT', 1], ['IMAGE', 2], ['PRODUCT_REVIEW', 3]])", "const m = new Map([['TEXT', 1]])"),
    "an enum of Prisma": Rule(
        "a.prisma", "enum PostType {\n  TEXT\n  IMAGE\n  PRODUCT_REVIEW\n}", "enum PostType {\n  TEXT\n  IMAGE\n}"
    ),
    "JSON": Rule("a.json", '{"types": ["TEXT", "IMAGE", "PRODUCT_REVIEW"]}', '{"types": ["TEXT", "IMAGE", "POLL", "B", 1, 2, 3]}'),
    "TOML": Rule("a.toml", 'a = 1\ntypes = ["TEXT", "IMAGE", "PRODUCT_REVIEW"]', '# "TEXT", "IMAGE", "PRODUCT_REVIEW"', line=2),
    "keys of TOML": Rule("a.toml", "[cards]\nTEXT = 1\nIMAGE = 2\nPRODUCT_REVIEW = 3\n", "[cards]\nTEXT = 1\nIMAGE = 2\n", line=2),
    "items of YAML": Rule("a.yaml", "types:\n  - TEXT\n  - IMAGE\n  - PRODUCT_REVIEW\n", "types:\n- TEXT\n- IMAGE\n", line=2),
    "keys of YAML": Rule("a.yml", "TEXT: 1\nIMAGE:\n  a: 2\nPRODUCT_REVIEW: 3\n", "TEXT: 1\nb:\n  IMAGE: 2\nc: {PRODUCT_REVIEW: 3}\n"),
    "objects of YAML": Rule(
        "a.yml",
        "menu:\n  - type: TEXT\n    label: a\n  - type: IMAGE\n    label: b\n  - type: PRODUCT_REVIEW\n",
        "- type: TEXT\n- type: IMAGE\n- type: TEXT\n- type: PRODUCT_REVIEW\n",
        line=2,
    ),
    "a list on a line of YAML": Rule("a.yml", "a: 1\nt: [TEXT, IMAGE, PRODUCT_REVIEW]\n", "t: [TEXT, IMAGE]\n", line=2),
    "options": Rule(
        "a.html",
        '<select name="t">\n<option value="">\n<option value="TEXT">a<option value="IMAGE">b<option value="PRODUCT_REVIEW">c</select>',
        '<option value="TEXT">a<option value="IMAGE">b<option value="PRODUCT_REVIEW">c',
    ),
    "a script in a page": Rule(
        "a.html", "<p>It's\n<script>\nx = ['TEXT', 'IMAGE', 'PRODUCT_REVIEW']\n</script>", "['TEXT', 'IMAGE', 'PRODUCT_REVIEW']", line=3
    ),
    "if in Jinja": Rule(
        "a.html",
        '\n{% if post.type == "TEXT" %}a{% elif post.type == "IMAGE" %}b\n{%- elif post.type == "PRODUCT_REVIEW" -%}c{% endif %}',
        '{% if post.type == "TEXT" %}a{% endif %}{% if post.type == "IMAGE" %}b{% endif %}{# "PRODUCT_REVIEW" #}',
        line=2,
    ),
    "in, in Jinja": Rule(
        "a.jinja", '{% if t in ["TEXT", "IMAGE", "PRODUCT_REVIEW"] %}x{% endif %}', '{% if t in ["TEXT"] %}x{% endif %}'
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_lacks_a_type_is_found_on_its_line_and_what_is_right_is_not(rule: Rule) -> None:
    assert gaps(rule.path, rule.found) == [(rule.line, "poll")]
    assert gaps(rule.path, rule.right) == []


SEVEN = (*TYPES, "link", "event", "quote")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (
            "a.py",
            "match x:\n    case 'TEXT' | 'IMAGE' | 'POLL':\n        a()\n    case _:\n        raise ValueError(x)\n",
        ),
        (
            "a.py",
            "match x:\n    case 'TEXT' | 'IMAGE' | 'POLL':\n        a()\n    case other:\n        assert_never(other)\n",
        ),
        ("a.py", "if x in ('TEXT', 'IMAGE', 'POLL'):\n    a()\nelse:\n    raise ValueError\n"),
        ("a.py", "def f():\n    if x in ('TEXT', 'IMAGE', 'POLL'):\n        return 1\n    raise ValueError\n"),
        ("a.ts", "switch (t) { case 'TEXT': case 'IMAGE': case 'POLL': return 1; default: throw new Error() }"),
        ("a.ts", "switch (t) { case 'TEXT': case 'IMAGE': case 'POLL': return 1; default: return assertNever(t) }"),
        (
            "a.ts",
            "if (t === 'TEXT') a(); else if (t === 'IMAGE') b(); else if (t === 'POLL') c(); else throw new Error()",
        ),
    ],
)
def test_a_default_that_raises_makes_an_enumeration_total(path: str, text: str) -> None:
    assert [name for _, name in gaps(path, text, SEVEN)] == ["product_review", "link", "event", "quote"]
    without = text.replace("raise", "print").replace("throw", "").replace("assert", "").replace("Never", "")
    assert gaps(path, without.replace("_never", ""), SEVEN) == []


def test_a_subset_is_found_only_where_a_list_like_it_has_more() -> None:
    known = tuple(f"type_{letter}" for letter in "abcdefgh")
    four, five = ([f'"{name.upper()}"' for name in known[:count]] for count in (4, 5))
    assert judged({"a.py": f"X = [{', '.join(four)}]"}, known).gaps == ()
    found = judged({"a.py": f"X = [{', '.join(four)}]", "b.py": f"\nY = [{', '.join(five)}]"}, known).gaps
    assert [str(gap.problem).splitlines()[0] for gap in found] == [
        "a.py:1: type_e: missing: in X (list), and a list like it has it: b.py:2"
    ]
    three = ", ".join(four[:3])
    assert judged({"a.py": f"X = [{three}]", "b.py": f"Y = [{', '.join(four)}]"}, known).gaps == ()


@pytest.mark.parametrize("name", ["reviews", "REVIEWS_FEED", "reviewsTypes"])
def test_a_subset_called_like_a_feed_has_the_types_whose_spec_names_that_feed(name: str) -> None:
    files = [("a.ts", f"const {name} = ['TEXT', 'IMAGE', 'POLL']".encode())]
    found = find(files, Vocabulary(SEVEN), "sql/migrations")
    feeds = {"event": ("reviews", "global"), "link": ("global",)}
    assert [gap.type for gap in judge(found.enumerations, SEVEN, lines=found.lines, feeds=feeds).gaps] == ["event"]
