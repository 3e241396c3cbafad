"""Rules → wrappers: see known blocking calls on the thread of a running loop.

Each target is replaced by a wrapper that goes straight through unless somebody
listens and the calling thread runs a loop. What a test promised, and what a call
means for it, is not known here. The files, each of which knows only those below it:

* ``engine``: `Interception`, which is installed, listened to, and judges each call.
* ``installation``: one replacing of all targets, and putting them back.
* ``locks``, ``waiters``, ``sqlite``: stand-ins for types written in C that cannot
  be wrapped; ``kind``: how they pass for these.
* ``seams``: a target's name → the place where it stands and can be replaced.
* ``wrappers``: what is put there; the hot path.
* ``aliases``: ``from time import sleep``, found and replaced as well.
* ``callers``: who called, and whether the rules allow it.
* ``predicates``: calls that cannot wait, told from their arguments.
* ``words``: a rule made ready, and the types that the others share.

What still fails: a reference that was taken before `install` and is held elsewhere
than in a module (a default argument, a closure) calls the original; one that was
taken while wrapped keeps a wrapper that has fallen silent.
"""

from pytest_asyncbench._interception.engine import Interception
from pytest_asyncbench._interception.predicates import PREDICATES
from pytest_asyncbench._interception.words import Listener

__all__ = ["PREDICATES", "Interception", "Listener"]
