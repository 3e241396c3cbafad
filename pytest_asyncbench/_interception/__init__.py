"""Rules → wrappers: see known blocking calls on the thread of a running loop.

Each target is replaced by a wrapper that goes straight through unless somebody
listens and the calling thread runs a loop. What a test promised, and what a call
means for it, is not known here. The files, each of which knows only those below it:

* ``engine``: `Interception`, which is installed, listened to, and decides which
  calls are told of.
* ``installation``: one replacing of all targets, and putting them back.
* ``locks``, ``waiters``, ``sqlite``: stand-ins for types written in C that cannot
  be wrapped; ``kind``: how they pass for these.
* ``open_files``: reads and writes of files that were opened elsewhere.
* ``seams``: a target's name → the place where it stands and can be replaced.
* ``wrappers``: what is put there; the hot path.
* ``aliases``: ``from time import sleep``, found and replaced as well.
* ``callers``: who called, and whether the rules allow it.
* ``compiled``: a rule made ready for its calls.
* ``predicates``: calls that cannot wait, told from their arguments.
* ``errors``: why a target cannot be wrapped.
* ``signatures``: what the functions look like that are handed on here.

What still fails: a reference that was taken before `install` and is held elsewhere
than in a module (a default argument, a closure) calls the original; one that was
taken while wrapped keeps a wrapper that has fallen silent.
"""

from pytest_asyncbench._interception.engine import Interception
from pytest_asyncbench._interception.predicates import PREDICATES
from pytest_asyncbench._interception.signatures import Listener

__all__ = ["PREDICATES", "Interception", "Listener"]
