// What guide.js says of rules and questions that a file holds: asked by test_guide.py.
import { readFileSync, writeFileSync } from "node:fs";

import { dayNow, daysBetween, holds } from "../../frontend/assets/js/guide.js";

const folder = process.argv.at(-1);
const { rules, asked, clocks } = JSON.parse(readFileSync(`${folder}/asked.json`, "utf8"));
const held = asked.map(({ answers, day }) =>
  Object.keys(rules).filter((id) => holds(rules[id], answers, day)),
);
const days = clocks.map(([made, now]) => dayNow(made, new Date(now)));
const between = daysBetween("2026-11-24", "2026-12-31");
writeFileSync(`${folder}/said.json`, JSON.stringify({ held, days, between }));
