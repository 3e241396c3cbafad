#!/bin/sh
# CPython 3.13 to 3.15, with pytest 9.2.0: a class whose method was replaced and put back
# by `monkeypatch` in 500 tests is cached no more for the rest of the process. Each write
# to a class gives it a new version, by which look-ups in it are cached and specialised;
# from the thousandth version on it is given none (MAX_VERSIONS_PER_CLASS in
# Objects/typeobject.c). Nothing says so; what is called on its objects is slower from
# then on, in code that has nothing to do with those tests, too.
#
# Needs a Python 3.13 or later that has its module _testcapi, as $PYTHON, and a package
# index. Installs into a folder of its own, which is removed. Ends with 0 where the
# behaviour is as stated; the times at the end are printed and not judged.
set -eu

PYTHON=${PYTHON:-python3}

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check \
    pytest==9.2.0 pluggy==1.7.0

cat >test_it.py <<'PY'
import timeit

import _testcapi
import pytest


class Shop:
    def price(self):
        return 1


SHOP = Shop()


@pytest.mark.parametrize("number", range(600))
def test_with_another_price(monkeypatch, number):
    monkeypatch.setattr(Shop, "price", lambda self: number)
    assert SHOP.price() == number


def test_how_it_is_afterwards():
    assert SHOP.price() == 1
    fresh = type("Fresh", (), {"price": Shop.price})
    fresh().price()
    slow = min(timeit.repeat("shop.price()", globals={"shop": SHOP}, repeat=7))
    fast = min(timeit.repeat("shop.price()", globals={"shop": fresh()}, repeat=7))
    print(f"version of Shop: {_testcapi.type_get_version(Shop)}")
    print(f"a fresh class has one: {_testcapi.type_get_version(fresh) > 0}")
    print(f"(a call takes {slow / fast:.2f} times as long)")
PY

cat >expected <<'TEXT'
version of Shop: 0
a fresh class has one: True
TEXT

env/bin/python -m pytest -q -s -p no:cacheprovider test_it.py >printed
grep -o "version of Shop: .*\|a fresh class has one: .*" printed >seen
grep "as long" printed
diff expected seen
echo "as stated: pytest 9.2.0 on $(env/bin/python --version)"
