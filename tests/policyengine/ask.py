"""What PolicyEngine says of households. compare.py runs this with the Python of an environment that
has `policyengine-us` (AGPL-3.0, a test tool only): households come in as JSON, answers go out.

It knows whole years only: every rule is that of January 1.
"""

import json
import sys
from typing import Any

YEARS = (2026, 2027)
ASKED = {
    "category": "medicaid_category",
    "status": "is_medicaid_immigration_status_eligible",
    "eligible": "is_medicaid_eligible",
    "work": "is_medicaid_ineligible_due_to_work_requirement",
    "chip": "chip_category",
    "help": "is_aca_ptc_eligible",
}


def main() -> None:
    from policyengine_us import Simulation

    households = json.load(sys.stdin)
    simulation = Simulation(situation=situation(households))
    names = simulation.populations["person"].ids
    said: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in names}
    for year in YEARS:
        for key, variable in ASKED.items():
            answers = simulation.calculate(variable, year, decode_enums=True)
            for name, answer in zip(names, answers, strict=True):
                value = str(answer) if key in ("category", "chip") else bool(answer)
                said[name].setdefault(str(year), {})[key] = value
    json.dump(said, sys.stdout)


def situation(households: list[dict[str, Any]]) -> dict[str, Any]:
    """All households in one, since asking one by one would take hours."""
    people: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {
        name: {} for name in ("tax_units", "spm_units", "families", "marital_units", "households")
    }
    for household in households:
        key, members = household["key"], household["people"]
        names = [f"{key}.{number}" for number in range(len(members))]
        for name, member in zip(names, members, strict=True):
            people[name] = {
                variable: dict.fromkeys(map(str, YEARS), value)
                for variable, value in member.items()
            }
        for group in ("tax_units", "spm_units", "families"):
            groups[group][key] = {"members": names}
        groups["households"][key] = {
            "members": names,
            "state_code": dict.fromkeys(map(str, YEARS), "CA"),
            "county_str": dict.fromkeys(map(str, YEARS), household["county"]),
        }
        pair = 2 if len(members) > 1 and members[1]["is_tax_unit_spouse"] else 1
        groups["marital_units"][key] = {"members": names[:pair]}
        for name in names[pair:]:
            groups["marital_units"][name] = {"members": [name]}
    return {"people": people, **groups}


if __name__ == "__main__":
    main()
