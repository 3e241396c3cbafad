#!/bin/sh
# greenlet 3.5.6: when a thread has ended whose greenlet somebody still holds, greenlet
# imports the module gc to look who does. It does so in the main thread, between any two
# instructions there, and with the builtins of the function that is run at that moment.
# The __new__ of a named tuple has none, so the import fails. That is told as an error
# which nobody can catch ("Exception ignored in: None"), and pytest under -W error fails
# the test that happens to run. Beside an ordinary function nothing is told.
#
# Needs a Python 3.13 or later, as $PYTHON, and a package index. Installs into a folder
# of its own, which is removed. Ends with 0 where the behaviour is as stated.
set -eu

PYTHON=${PYTHON:-python3.13}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then
    echo "needs Python 3.13 or later: set PYTHON to its interpreter" >&2
    exit 2
fi

here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
"$PYTHON" -m venv env
env/bin/python -m pip install --quiet --disable-pip-version-check greenlet==3.5.6

cat >main.py <<'PY'
import collections
import sys
import threading

import greenlet

Named = collections.namedtuple("Named", "x y")


class Plain:
    def __init__(self, x, y):
        self.x, self.y = x, y


def errors(make, threads=300):
    told = []
    sys.unraisablehook = lambda what: told.append(repr(what.exc_value))
    for _ in range(threads):
        held = []
        thread = threading.Thread(target=lambda: held.append(greenlet.getcurrent()))
        thread.start()
        while thread.is_alive():
            make(1, 2)
        for _ in range(2_000):
            make(1, 2)
    sys.unraisablehook = sys.__unraisablehook__
    return {*told}


print("beside a named tuple:", errors(Named))
print("beside another class:", errors(Plain))
PY

cat >expected <<'TEXT'
beside a named tuple: {"KeyError('__import__')"}
beside another class: set()
TEXT

env/bin/python main.py | tee seen
diff expected seen
echo "as stated: greenlet 3.5.6 on $(env/bin/python --version)"
