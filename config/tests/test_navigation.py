"""The links between the dashboard's pages: each to a page that its reader may open."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from config.navigation import PAGES, pages_open_to
from governance.roles import ROLES

pytestmark = pytest.mark.django_db


def address(name: str) -> str:
    """Empty where the page doesn't exist."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


@pytest.mark.parametrize("role", [role.name for role in ROLES])
def test_every_link_opens_for_whoever_sees_it_and_no_page_is_left_out(role: str) -> None:
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    open_ = {link.name: link.url for link in pages_open_to(user)}
    for name, url in open_.items():
        html = client.get(url).content.decode()
        assert f'<a href="{url}" aria-current="page"' in html, name
        [nav] = re.findall(r'<nav class="bar-nav".*?</nav>', html, re.DOTALL)
        assert re.findall(r'href="([^"]*)"', nav) == [*open_.values(), "/admin/"]
    start = next(iter(open_.values()))
    assert f'<a href="{start}">Dashboard</a>' in client.get("/admin/").content.decode()
    for page in PAGES:
        if page.name not in open_ and (url := address(page.name)):
            assert client.get(url).status_code == 403, page.name


def test_whoever_may_do_nothing_has_no_links() -> None:
    assert pages_open_to(User.objects.create_user("nobody")) == []


def test_a_page_whose_address_does_not_exist_yet_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = type(PAGES[0])("never-made", "Never made")
    monkeypatch.setattr("config.navigation.PAGES", (page, PAGES[0]))
    user = User.objects.create_superuser("root")
    assert [link.name for link in pages_open_to(user)] == [PAGES[0].name]
