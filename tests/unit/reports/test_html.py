"""The page: whole in itself, and what a test is called is never markup in it."""

from __future__ import annotations

import json
import re

import pytest
from run_by_hand import NASTY, ROOT, RUN, told_of

from pytest_asyncbench._reports.html import html_report
from pytest_asyncbench._reports.run import RunReport


def data_of(page):
    """Give the data that a page holds."""
    (text,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(text)


def test_a_page_holds_what_its_lists_and_details_are_made_of():
    """Places over all tests, from the root folder, and what each test lost there."""
    data = data_of(html_report(told_of("a.py::test_one", "a.py::test_two")))
    first, second = data["places"]
    assert (first["call"], first["at"]) == ("time.sleep", "shop/pri cing.py:88")
    assert (first["seconds"], first["tests"]) == (0.5, [0, 1])
    assert (first["whose"], second["allowed"]) == ("yours", "why")
    one, _ = data["tests"]
    assert one["id"] == "a.py::test_one"
    assert one["budget"] == {"within": 2.0, "speedup": 3.0, "met": True}
    # The speedup is what is left if the one is divided by the other.
    assert (one["serial"], one["together"], one["speedup"]) == (1.5, 0.5, 3.0)
    assert [each["place"] for each in one["blocking"]] == [0, 1]
    assert one["whatIf"] == [
        {"at": "shop/pri cing.py:88 in price_of", "wall": 0.5, "speedup": None}
    ]
    assert one["path"][0]["at"] == "shop/lock.py:4 in pay"
    assert len(one["timeline"]["tracks"]) == 4
    assert one["courses"]["places"] == ["a.py:5 in test", "shop/account.py:18 in pay"]
    assert one["courses"]["failing"]["held"] == [2]
    assert one["schedules"]["found_at"] == 7
    assert one["cancellations"] == {"points": 1_200, "tried": 7, "failed": 1}
    assert one["leaks"][0]["place"] == "shop/lock.py:4 in pay"
    assert one["leaks"][1] == {
        "what": "2 descriptors",
        "place": None,
        "runs": 1,
        "of": 1_000,
    }


def test_what_a_test_is_called_is_data_and_no_markup():
    """Neither the end of a script, nor one of the page's own slots."""
    page = html_report(told_of(NASTY))
    assert data_of(page)["tests"][0]["id"] == NASTY
    assert page.count("<script") == page.count("</script>") == 2
    assert "alert(1)</script>" not in page
    assert "\n--bg" not in page[page.index('id="data"') :].split("</script>")[0]


def test_a_page_loads_nothing():
    """Its policy forbids it, and nothing in it asks for it."""
    page = html_report(told_of("a.py::test_one"))
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?:""", page)


def test_a_run_without_tests_is_a_page_as_well():
    """It says that there is nothing."""
    assert data_of(html_report(RunReport(RUN, None, {}, ROOT)))["tests"] == []


@pytest.mark.parametrize(("mode", "looked"), [("off", False), ("report", True)])
def test_a_page_knows_whether_anybody_looked_for_what_blocks(mode, looked):
    """Else it would say of a run of budgets alone that nothing blocked."""
    told = told_of("a.py::test_one")
    (text,) = told.texts.values()
    text = text.replace('"mode": "off"', f'"mode": "{mode}"')
    page = html_report(RunReport(RUN, None, {"a.py::test_one": text}, ROOT))
    assert data_of(page)["looked"] is looked
