#!/bin/sh
# freezegun 1.5.5, Python 3.15: freeze_time() imports every module that any module of the
# process imports lazily, used or not, since it asks each module for each of its names.
# And a date that it reaches so stays frozen's for good: app.datetime below is still
# FakeDatetime when the freeze is over.
#
# Needs a Python 3.15 or later, as $PYTHON, and a package index. Installs into a folder
# of its own, which is removed. Ends with 0 where the behaviour is as stated.
set -eu

PYTHON=${PYTHON:-python3.15}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 15))'; then
    echo "needs Python 3.15 or later: set PYTHON to its interpreter" >&2
    exit 2
fi

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check \
    freezegun==1.5.5 python-dateutil==2.9.0.post0 six==1.17.0

echo 'from datetime import datetime' >clocks.py
cat >app.py <<'PY'
lazy import unused
lazy from clocks import datetime
PY
echo 'print("unused is imported")' >unused.py

cat >main.py <<'PY'
import datetime
import sys

from freezegun import freeze_time

import app

print("before:", "unused" in sys.modules, "clocks" in sys.modules)
with freeze_time("2020-01-01"):
    pass
print("after:", "unused" in sys.modules, "clocks" in sys.modules)
print("app's:", app.datetime.__name__, app.datetime is datetime.datetime)
PY

cat >expected <<'TEXT'
before: False False
unused is imported
after: True True
app's: FakeDatetime False
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: freezegun 1.5.5 on $(env/bin/python --version)"
