"""The front door: every room's addresses, and nothing else."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from itertools import filterfalse

import structlog
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import License

from backend import settings
from backend.about import controllers as about_pages
from backend.about import operations
from backend.about.desk import pages as desk_demands
from backend.alerts import controllers as alert_pages
from backend.alerts import mail_pages as alert_mail
from backend.alerts import phone as alerting_phone
from backend.alerts.desk import pages as desk_alerts
from backend.campaigns import api as campaigns_api
from backend.campaigns import controllers as campaign_pages
from backend.campaigns import osdi, pledging
from backend.campaigns.desk import call_pages as desk_campaign_calls
from backend.campaigns.desk import pages as desk_campaigns
from backend.campaigns.desk import partner_pages as desk_partners
from backend.campaigns.desk import people_pages as desk_campaign_people
from backend.canvass import controllers as canvassing
from backend.canvass import phone as canvassing_phone
from backend.canvass.desk import entry_pages as desk_canvass_entry
from backend.canvass.desk import file_pages as desk_canvass_files
from backend.canvass.desk import pages as desk_canvass
from backend.canvass.desk import paper_pages as desk_canvass_paper
from backend.canvass.desk import review_pages as desk_canvass_review
from backend.canvass.desk import total_pages as desk_canvass_totals
from backend.counties import api as counties_api
from backend.counties import controllers as county_pages
from backend.database import DB, use
from backend.desk import controllers as desk
from backend.desk import outbox as desk_outbox
from backend.desk import people as desk_people
from backend.desk import retention as desk_retention
from backend.desk import trail as desk_trail
from backend.desk import work as desk_work
from backend.detained import controllers as detained_pages
from backend.detained.desk import call_pages as desk_detained_calls
from backend.detained.desk import pages as desk_detained
from backend.enrollment import controllers as directory_pages
from backend.enrollment import guiding, hsds
from backend.enrollment.desk import import_pages as desk_directory_imports
from backend.enrollment.desk import pages as desk_directory
from backend.hearings import api as hearings_api
from backend.hearings import controllers as hearing_pages
from backend.hearings.desk import file_pages as desk_hearing_files
from backend.hearings.desk import pages as desk_hearings
from backend.hearings.desk import proposal_pages as desk_hearing_proposals
from backend.hearings.desk import source_pages as desk_hearing_sources
from backend.policies import api as policies_api
from backend.policies import controllers as policy_pages
from backend.policies import reading
from backend.policies.desk import pages as desk_record
from backend.pwa import controllers as phone
from backend.staff import controllers as staff
from backend.staff import door, proxies
from backend.staff import mine as my_account
from backend.web import assets, errors, language, rate_limits
from backend.web.bodies import Asked, Rules
from backend.web.gate import gate
from backend.web.security import add_headers

log = structlog.get_logger()

ROUTES: list[HTTPRouteHandler] = [
    county_pages.show_home,
    county_pages.find_county,
    county_pages.show_form,
    policy_pages.show_preview,
    policy_pages.list_counties,
    policy_pages.show_county,
    policy_pages.list_laws,
    policy_pages.show_law,
    policy_pages.show_data,
    policy_pages.list_changes,
    policy_pages.show_changes_feed,
    about_pages.show_about,
    about_pages.show_more,
    about_pages.show_privacy,
    about_pages.show_legal_demands,
    about_pages.show_design,
    about_pages.answer_robots,
    operations.answer_health,
    operations.answer_readiness,
    operations.show_metrics,
    operations.show_audit_head,
    operations.show_security_contact,
    phone.show_manifest,
    phone.show_worker,
    phone.show_bundle,
    phone.show_finder,
    phone.show_sources,
    phone.show_more,
    phone.show_detained,
    phone.show_frame,
    phone.show_offline,
    phone.show_install,
    phone.forget,
    phone.show_forgotten,
    hearing_pages.list_hearings,
    hearing_pages.list_forums,
    hearing_pages.show_next,
    hearing_pages.list_past,
    hearing_pages.show_hearing,
    hearing_pages.show_county,
    hearing_pages.show_calendar,
    hearing_pages.show_county_calendar,
    hearing_pages.show_feed,
    hearings_api.list_hearings,
    hearings_api.list_forums,
    hearings_api.list_forums_csv,
    alert_pages.show_alerts,
    alert_pages.show_calendar,
    alerting_phone.turn_on,
    alerting_phone.change,
    alerting_phone.open_app,
    alerting_phone.tell_status,
    alerting_phone.send_test,
    alerting_phone.show_code,
    alerting_phone.note_received,
    alerting_phone.turn_off,
    alert_mail.ask,
    alert_mail.open_link,
    alert_mail.show_left,
    alert_mail.show_sent,
    alert_mail.show_own,
    alert_mail.hand_in,
    alert_mail.confirm,
    alert_mail.change,
    alert_mail.leave,
    alert_mail.show_from_before,
    alert_mail.leave_at_once,
    campaign_pages.list_campaigns,
    campaign_pages.show_campaign,
    campaign_pages.show_calendar,
    campaign_pages.show_numbers,
    campaign_pages.show_embed,
    campaign_pages.show_poster,
    campaign_pages.show_sheet,
    campaign_pages.show_preview,
    campaigns_api.list_campaigns,
    osdi.show_entry,
    osdi.list_petitions,
    osdi.show_petition,
    osdi.list_signatures_of,
    osdi.list_signatures,
    osdi.show_signature,
    osdi.list_people,
    osdi.show_person,
    osdi.list_signatures_by,
    pledging.sign,
    pledging.ask_for_receipt,
    pledging.open_pledge,
    pledging.show_leave,
    pledging.leave,
    pledging.show_withdrawn,
    pledging.show_mine,
    pledging.show_pledge,
    pledging.confirm,
    pledging.send_code,
    pledging.correct,
    pledging.withdraw,
    canvassing.show_app,
    canvassing.show_manifest,
    canvassing_phone.show_kit,
    canvassing_phone.enrol,
    canvassing_phone.take,
    canvassing_phone.note_seen,
    detained_pages.show_now,
    detained_pages.show_now_in,
    detained_pages.show_find,
    detained_pages.show_places,
    detained_pages.show_calls,
    detained_pages.show_family,
    detained_pages.show_card,
    guiding.show_home,
    guiding.show_guide,
    guiding.show_safe,
    directory_pages.list_places,
    directory_pages.show_place,
    directory_pages.say_wrong,
    directory_pages.show_kept,
    hsds.show_entry,
    hsds.list_services,
    hsds.show_service,
    hsds.list_organizations,
    hsds.show_organization,
    hsds.list_at_locations,
    hsds.show_at_location,
    assets.show_asset,
    counties_api.answer_zip,
    policies_api.list_counties,
    policies_api.list_counties_csv,
    policies_api.list_counties_geojson,
    policies_api.show_county,
    policies_api.list_laws,
    staff.show_sign_in,
    staff.ask_who,
    staff.sign_in,
    staff.sign_out,
    staff.show_step_up,
    staff.ask_again,
    staff.step_up,
    staff.ask_for_link,
    staff.open_link,
    staff.show_invitation,
    staff.ask_invited,
    staff.take_invitation,
    staff.show_recovery,
    staff.use_code,
    staff.show_recovered,
    staff.ask_recovered,
    staff.recover,
    my_account.show_me,
    my_account.show_add,
    my_account.ask_for_another,
    my_account.add_passkey,
    my_account.rename_passkey,
    my_account.remove_passkey,
    my_account.make_codes,
    my_account.end_other_sessions,
    my_account.refuse_link,
    desk_demands.show_demands,
    desk_demands.state_demands,
    desk_people.list_people,
    desk_people.show_new,
    desk_people.invite,
    desk_people.show_person,
    desk_people.invite_again,
    desk_people.change_roles,
    desk_people.close,
    desk_people.reopen,
    desk_people.approve_invitation,
    desk_people.refuse_invitation,
    desk_people.end_sessions,
    desk_people.let_see_names,
    desk_record.list_facts,
    desk_record.choose_kind,
    desk_record.show_new,
    desk_record.add,
    desk_record.show_fact,
    desk_record.show_correct,
    desk_record.correct,
    desk_record.show_replace,
    desk_record.replace,
    desk_record.show_retire,
    desk_record.retire,
    desk_record.check,
    desk_record.show_change,
    desk_record.approve,
    desk_record.turn_down,
    desk_record.withdraw,
    desk_record.decide_conflict,
    desk_campaigns.list_campaigns,
    desk_campaigns.show_new,
    desk_campaigns.begin,
    desk_campaigns.show_campaign,
    desk_campaigns.show_edit,
    desk_campaigns.edit,
    desk_campaigns.review,
    desk_campaigns.go_live,
    desk_campaigns.show_close,
    desk_campaigns.close,
    desk_campaigns.reopen,
    desk_campaigns.archive,
    desk_campaigns.show_news,
    desk_campaigns.tell,
    desk_campaigns.mail,
    desk_campaign_calls.show_calls,
    desk_campaign_calls.show_next,
    desk_campaign_calls.note,
    desk_campaign_people.list_pledges,
    desk_campaign_people.find,
    desk_campaign_people.withdraw,
    desk_campaign_people.undo_withdrawal,
    desk_campaign_people.show_new_aside,
    desk_campaign_people.look_for,
    desk_campaign_people.show_aside,
    desk_campaign_people.begin_aside,
    desk_campaign_people.undo_aside,
    desk_campaign_people.drop_aside,
    desk_campaign_people.show_export,
    desk_campaign_people.download,
    desk_alerts.list_alerts,
    desk_alerts.show_new,
    desk_alerts.begin,
    desk_alerts.show_preview,
    desk_alerts.show_estimate,
    desk_alerts.resume,
    desk_alerts.show_alert,
    desk_alerts.show_progress,
    desk_alerts.show_edit,
    desk_alerts.edit,
    desk_alerts.send,
    desk_alerts.cancel,
    desk_alerts.correct,
    desk_alerts.test,
    desk_canvass.list_shifts,
    desk_canvass.show_new,
    desk_canvass.begin,
    desk_canvass.show_shift,
    desk_canvass.show_edit,
    desk_canvass.edit,
    desk_canvass.end,
    desk_canvass.reopen,
    desk_canvass.invite,
    desk_canvass.show_phones,
    desk_canvass.revoke,
    desk_canvass_review.list_waiting,
    desk_canvass_review.show_one,
    desk_canvass_review.take,
    desk_canvass_review.drop,
    desk_canvass_review.take_all,
    desk_canvass_files.list_files,
    desk_canvass_files.hand_in,
    desk_canvass_files.show_file,
    desk_canvass_paper.show_card,
    desk_canvass_paper.list_sheets,
    desk_canvass_paper.make_sheets,
    desk_canvass_paper.show_print,
    desk_canvass_paper.find_sheet,
    desk_canvass_entry.show_sheet,
    desk_canvass_entry.begin,
    desk_canvass_entry.type_in,
    desk_canvass_entry.undo,
    desk_canvass_entry.finish,
    desk_canvass_entry.show_again,
    desk_canvass_entry.type_again,
    desk_canvass_entry.show_settle,
    desk_canvass_entry.settle,
    desk_canvass_totals.show_totals,
    desk_canvass_totals.download,
    desk_canvass_totals.download_all,
    desk_detained.list_all,
    desk_detained.show_new,
    desk_detained.add,
    desk_detained.show_one,
    desk_detained.change,
    desk_detained.confirm,
    desk_detained.retire,
    desk_detained.bring_back,
    desk_detained_calls.show_calls,
    desk_detained_calls.claim,
    desk_detained_calls.let_go,
    desk_detained_calls.note,
    desk_detained_calls.undo,
    desk_directory.list_places,
    desk_directory.show_new,
    desk_directory.add,
    desk_directory.show_place,
    desk_directory.change,
    desk_directory.check,
    desk_directory.hide,
    desk_directory.show,
    desk_directory.hand_back,
    desk_directory.settle,
    desk_directory_imports.list_imports,
    desk_directory_imports.hand_in,
    desk_directory_imports.show_import,
    desk_directory_imports.apply,
    desk_directory_imports.drop,
    desk_hearings.list_hearings,
    desk_hearings.show_new,
    desk_hearings.announce,
    desk_hearings.show_hearing,
    desk_hearings.show_edit,
    desk_hearings.edit,
    desk_hearings.show_act,
    desk_hearings.do_act,
    desk_hearing_proposals.list_proposals,
    desk_hearing_proposals.decide_ticked,
    desk_hearing_proposals.show_proposal,
    desk_hearing_proposals.accept,
    desk_hearing_proposals.turn_down,
    desk_hearing_proposals.show_edit,
    desk_hearing_proposals.edit,
    desk_hearing_sources.list_sources,
    desk_hearing_sources.show_new,
    desk_hearing_sources.add,
    desk_hearing_sources.show_source,
    desk_hearing_sources.change,
    desk_hearing_sources.look_now,
    desk_hearing_files.show_files,
    desk_hearing_files.read_file,
    desk_partners.list_tokens,
    desk_partners.make_token,
    desk_partners.revoke_token,
    desk_trail.show_trail,
    desk_trail.verify_trail,
    desk_trail.export_trail,
    desk_outbox.list_letters,
    desk_outbox.send_test,
    desk_outbox.show_letter,
    desk_outbox.remove_letter,
    desk.show_desk,
    desk.settle_alarm,
    desk_work.show_work,
    desk_work.try_again,
    desk_work.drop,
    desk_retention.show_retention,
    desk_retention.hold,
    desk_retention.lift,
]


@contextlib.asynccontextmanager
async def open_house(app: Litestar) -> AsyncIterator[None]:
    """The connections and words a web process needs from its first request to its last."""
    _end_with_parent()
    use(settings.read().database_url)
    language.load()
    await DB.start_connection_pool(min_size=1, max_size=10)
    background = [
        asyncio.create_task(reading.listen()),
        asyncio.create_task(make_ahead(app)),
    ]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await rate_limits.close()
        await DB.close_connection_pool()


async def make_ahead(app: Litestar) -> None:
    """The bundle takes seconds to make: the first phone shall not wait for it."""
    await reading.hearing.wait()
    for code in language.LANGUAGES:
        await phone.make_bundle(app, code)


def _end_with_parent() -> None:
    """A worker whose parent was killed would keep the port for ever: it ends itself instead."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        asyncio.get_running_loop().add_reader(parent.sentinel, os.kill, os.getpid(), signal.SIGKILL)


# What opens names and contacts: not there where only the public is served.
OPENING = (door.DESK, osdi.BASE)


def _routes() -> list[HTTPRouteHandler]:
    if not settings.serves_public_only():
        return ROUTES
    return [each for each in ROUTES if not any(path.startswith(OPENING) for path in each.paths)]


def _behind_the_door(route: HTTPRouteHandler) -> bool:
    """Whether only staff may use it. The others are spared the guard: Litestar copies the handler
    for every call of one, which is a tenth of what a kept page costs."""
    return "may" in (route.opt or {}) or any(path.startswith(door.DESK) for path in route.paths)


def make_app() -> Litestar:
    routes = _routes()
    guarded = [route for route in routes if _behind_the_door(route)]
    app = Litestar(
        route_handlers=[
            Router("/", route_handlers=guarded, guards=[door.check]),
            *filterfalse(_behind_the_door, routes),
        ],
        lifespan=[open_house],
        before_request=proxies.look,
        # What "Forget this phone" ends.
        state=State({"forgets": (door.end_session, canvassing_phone.take_off)}),
        request_class=Asked,
        before_send=[add_headers],
        exception_handlers={Exception: errors.answer_error},  # type: ignore[dict-item]
        openapi_config=OpenAPIConfig(
            title="Confianza: California counties’ ICE-hold policies",
            version="1",
            path="/api",
            render_plugins=[JsonRenderPlugin()],
            license=License(name="CC BY 4.0", identifier="CC-BY-4.0"),
        ),
        logging_config=None,
        debug=False,
    )
    app.asgi_handler = gate(app.asgi_handler, Rules(routes))
    return app


app = make_app()
