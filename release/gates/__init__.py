"""Gates: what must hold before a change, a release or a buyer may rely on this tree.

The one list is in ``registry``; the command, CI, the release script and the evidence all run it.
"""
