import asyncio, re
from tests.browser.staff import joined
from backend.campaigns import signing, counting, partners
from backend.campaigns.tables import Campaign
from tests.campaigns.conftest import signature

async def test_shots(chromium, served, database_url):
    c = await Campaign.objects().order_by(Campaign.id).first().output(load_json=True)
    await Campaign.update({Campaign.partners: [{"name": "Aliados de California", "url": ""}]}).where(Campaign.id == c.id)
    for n in "abcd":
        await signing.sign(c, await signature(f"María Person {n}", f"maria.person.{n}@spam.example.org"))
    async with joined(chromium, served, "Shots Person", "admin") as ana:
        p = ana.page
        logs=[]
        p.on("console", lambda m: logs.append(m.text))
        p.on("pageerror", lambda m: logs.append(str(m)))
        await p.set_viewport_size({"width": 360, "height": 780})
        async def shot(name):
            await p.screenshot(path=f"/tmp/shots5/{name}.png", full_page=True)
            w = await p.evaluate("document.documentElement.scrollWidth")
            print(name, w)
        for name, path in [("list","/desk/campaigns"),("new","/desk/campaigns/new"),("one",f"/desk/campaigns/{c.id}"),("edit",f"/desk/campaigns/{c.id}/edit"),("pledges",f"/desk/campaigns/{c.id}/pledges"),("asidenew",f"/desk/campaigns/{c.id}/asides/new"),("export",f"/desk/campaigns/{c.id}/export"),("news",f"/desk/campaigns/{c.id}/news"),("close",f"/desk/campaigns/{c.id}/close"),("partners","/desk/partners")]:
            await p.goto(path)
            await shot(name)
        await p.goto(f"/desk/campaigns/{c.id}/asides/new")
        await p.fill("#domain", "spam.example.org")
        await p.fill("#reason", "Made by a program")
        await p.click("main form button")
        await shot("aside0")
        for _ in range(60):
            if "are like that." in await p.inner_text("main") and "so far" not in await p.inner_text("main"): break
            await asyncio.sleep(.5)
        await shot("aside1")
        await p.click("text=Set 4 pledges aside")
        for _ in range(60):
            t = await p.inner_text("main")
            if "4 pledges are set aside" in t and "goes on" not in t: break
            await asyncio.sleep(.5)
        await shot("aside2")
        await p.click("text=Bring all of them back")
        for _ in range(60):
            t = await p.inner_text("main")
            if "4 pledges are brought back" in t and "goes on" not in t: break
            await asyncio.sleep(.5)
        await shot("aside3")
        await p.goto(f"/desk/campaigns/{c.id}/edit?lang=es")
        await p.fill("#story_es", "")
        await p.click("button[value=save]")
        await shot("edit_es")
        await p.goto("/desk/partners?lang=en")
        await p.click("main form.stacked button")
        if "step-up" in p.url: await ana.show_passkey()
        await shot("token")
        print(logs)
