"""What the house gets from this room."""

from backend.campaigns import api, osdi_api, pledge_pages, public_pages, queries
from backend.campaigns.desk import call_pages, pages, partner_pages, people_pages, todo
from backend.staff.roles import Right
from backend.staff.rooms import Place, Room
from backend.web.language import later

ROOM = Room(
    pages=(
        public_pages,
        api,
        osdi_api,
        pledge_pages,
        pages,
        call_pages,
        people_pages,
        partner_pages,
    ),
    places=(Place({Right.RUN_CAMPAIGNS: "/desk/campaigns"}, later("Campaigns")),),
    todo=todo.waiting,
    offers={"campaigns": queries.titles},
    opening=(osdi_api.BASE,),
)
