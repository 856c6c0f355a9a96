"""How differences are sorted: PolicyEngine itself is asked by `make policyengine`, not here."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ABOUT = {"guide": "restricted", "policyengine": "full", "status": "DACA"}
PART = """
## {title}

**The guide:** one thing. **PolicyEngine:** another. **We believe:** the guide.

```yaml
- guide: [restricted]
  status: [{status}]
```
"""


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare", HERE / "compare.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["compare"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_a_difference_belongs_to_the_first_part_that_fits_and_to_no_other(
    compare: ModuleType,
) -> None:
    text = PART.format(title="First", status="DACA, TPS") + PART.format(title="Next", status="DACA")
    causes = compare.read_causes(text)
    assert compare.sort_out([ABOUT, {**ABOUT, "status": "TPS"}], causes) == []
    assert [cause.found.total() for cause in causes] == [2, 0]


def test_a_difference_that_no_part_explains_comes_back(compare: ModuleType) -> None:
    causes = compare.read_causes(PART.format(title="Some", status="TPS"))
    assert compare.sort_out([ABOUT], causes) == [ABOUT]


def test_a_part_without_an_answer_is_refused(compare: ModuleType) -> None:
    with pytest.raises(SystemExit, match="Some"):
        compare.read_causes(PART.format(title="Some", status="TPS").replace("We believe", "So"))


def test_the_households_are_the_same_each_time_and_reach_all_of_the_guide(
    compare: ModuleType,
) -> None:
    households = list(compare.made_up(compare.HOUSEHOLDS))
    assert households == list(compare.made_up(compare.HOUSEHOLDS))
    assert {len(each.members) for each in households} == set(range(1, 9))
    assert {each.status for each in households} == {
        *compare.COUNTED,
        *compare.COUNTED_BEFORE,
        *compare.OTHER,
    }
    assert {each.day.isoformat() for each in households} == set(compare.DAYS)
    for question, values in compare.rules.QUESTIONS.items():
        asked = {each.answers[question] for each in households}
        assert asked == set(values) - {"stopped", "other"}, question
    told = {(each.answers["income"], each.answers["pregnant"], each.path) for each in households}
    assert len(told) == 5 * 2 * 2


def test_every_part_of_the_committed_file_can_be_read(compare: ModuleType) -> None:
    text = compare.DIFFERENCES.read_text("utf-8")
    assert len(compare.read_causes(text)) == text.count("\n## ")
