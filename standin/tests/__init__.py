"""Tests of the stand-in: the real SDK over loopback wherever that is possible."""
