"""The room's pages, and a page as a tree of what stands in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

PAGES = (
    "/detained",
    "/counties/fresno/detained",
    "/counties/modoc/detained",
    "/detained/find",
    "/detained/places",
    "/detained/calls",
    "/detained/family",
    "/detained/card",
)
VOID = {"input", "link", "meta", "br", "img", "hr", "use", "rect", "path"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    parent: "Node | None" = None
    children: list["Node | str"] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    def above(self) -> Iterator["Node"]:
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent

    def below(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.below()

    def words(self) -> str:
        return " ".join(
            " ".join(child if isinstance(child, str) else child.words() for child in self.children)
            .split()
        )  # fmt: skip


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.at = self.root = Node("page")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(node)
        if tag not in VOID:
            self.at = node

    def handle_endtag(self, tag: str) -> None:
        for node in self.at.above():
            if node.tag == tag and node.parent:
                self.at = node.parent
                return

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.at.children.append(data)


def main_of(html: str) -> Node:
    reader = _Reader()
    reader.feed(html)
    return next(node for node in reader.root.below() if node.tag == "main")
