"""Pages of the desk: never kept anywhere, in the staff's own frame."""

from backend.staff.door import Visitor, visitor_of
from backend.staff.roles import Right
from backend.web.pages import Page, page
from backend.web.sending import AnyRequest, Sent


def desk_page(request: AnyRequest, what: Page) -> Sent:
    """Answer with a page for this person of the staff. Templates extend `layouts/desk.html` and
    may use `visitor`, `Right` and the macro `token()` of `parts/desk.html` in every form."""
    visitor: Visitor = visitor_of(request)
    context = {**what.context, "visitor": visitor, "Right": Right}
    return page(
        request,
        Page(what.template, context, what.block, what.status, what.query, private=True),
    )
