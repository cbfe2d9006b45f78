"""Each export and each pack has an address of its own, for whoever has its pack's permission."""

from django.urls import URLPattern, path

from analyticsapp.exports import PACKS, all_exports
from analyticsapp.views.exports import download, exports
from auditlog.access import requires


def downloads() -> list[URLPattern]:
    packs = {export.name: export.pack for export in all_exports().values()} | PACKS
    return [
        path(f"{name}/", requires(pack.permission)(download), {"name": name}, name="export")
        for name, pack in packs.items()
    ]


urlpatterns = [path("", exports, name="exports"), *downloads()]
