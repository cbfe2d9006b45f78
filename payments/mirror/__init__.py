"""From observations to mirrored objects.

``parsing`` takes values out of payloads; ``money``, ``catalogue`` and ``billing`` know each
object's shape in every API version; ``rules`` says which of two observations is the truth;
``projection`` does it for a batch.
"""
