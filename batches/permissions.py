"""Permissions. The API, the pages, the streams and the admin all check them here.

In personal mode, which serves the loopback interface only, everything is allowed. In team mode users see and control
their own batches; Django's permissions allow more. A batch that a user may not see does not exist for them.
"""

import uuid
from collections.abc import Collection
from enum import StrEnum
from typing import TypeAlias

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User

from backtester.accounts.credentials import Credential, users_by_credential
from batches.errors import BatchError, Forbidden, NotFound, Unauthorized
from batches.models import BatchSession, BatchSessionQuerySet

Person: TypeAlias = User | AnonymousUser
Watch: TypeAlias = tuple[Credential | None, uuid.UUID]
MAX_IDS = 500  # in one query


class Permission(StrEnum):
    """Django's permissions of our tables, which its admin checks too."""

    RUN = "batches.add_batchsession"
    SEE_ALL = "batches.view_batchsession"
    CONTROL_ALL = "batches.change_batchsession"
    DELETE_ALL = "batches.delete_batchsession"
    IMPORT_PRICES = "batches.add_priceimport"
    EDIT_INSTRUMENTS = "batches.change_instrument"


ACTIONS = {
    Permission.RUN: "start batches",
    Permission.SEE_ALL: "see the batches of others",
    Permission.CONTROL_ALL: "control the batches of others",
    Permission.DELETE_ALL: "delete the batches of others",
    Permission.IMPORT_PRICES: "load prices",
    Permission.EDIT_INSTRUMENTS: "change instruments",
}


def is_personal() -> bool:
    """Return whether this installation has a single user, who does not log in."""
    return bool(settings.ACCESS_MODE == "personal")


def visible(person: Person) -> BatchSessionQuerySet:
    """Return the batches that a user may see: their own, or all."""
    if is_personal():
        return BatchSession.objects.all()
    if not person.is_authenticated:
        raise Unauthorized
    if person.has_perm(Permission.SEE_ALL):
        return BatchSession.objects.all()
    return BatchSession.objects.filter(owner=person)


def find(person: Person, session_id: str | uuid.UUID) -> BatchSession:
    """Return the batch, or raise NotFound if the id is malformed, unknown, or not visible."""
    try:
        return visible(person).get(pk=uuid.UUID(str(session_id)))
    except (ValueError, BatchSession.DoesNotExist):
        raise NotFound from None


def owner(person: Person) -> User | None:
    """Return the owner of what the user starts, None in personal mode."""
    if is_personal():
        return None
    if not person.is_authenticated:
        raise Unauthorized
    return person


def person_with(credential: Credential | None) -> Person:
    """Return the user of a credential. Personal mode needs none."""
    if is_personal():
        return AnonymousUser()
    if credential is None or (user := users_by_credential([credential]).get(credential)) is None:
        raise Unauthorized
    return user


def may(person: Person, permission: Permission, session: BatchSession | None = None) -> bool:
    """Return whether the user has the permission. Owners of the batch need none."""
    if is_personal() or (session is not None and session.owner_id is not None and session.owner_id == person.pk):
        return True
    return person.has_perm(permission)


def require(person: Person, permission: Permission, session: BatchSession | None = None) -> None:
    """Raise Forbidden unless the user has the permission."""
    if not may(person, permission, session):
        raise Forbidden(f"This account may not {ACTIONS[permission]}; an administrator can allow it ({permission}).")


def refused(watches: Collection[Watch]) -> dict[Watch, BatchError]:
    """Return {watch: error} of the watchers that may not go on, in a few queries for any number of them."""
    if is_personal():
        return {}
    users = users_by_credential({credential for credential, _ in watches if credential})
    ids = {user.pk for user in users.values()}
    see_all = set(User.objects.with_perm(Permission.SEE_ALL).filter(pk__in=ids).values_list("pk", flat=True))
    owners = _owners({session_id for _, session_id in watches})
    errors: dict[Watch, BatchError] = {}
    for watch in watches:
        credential, session_id = watch
        user = users.get(credential) if credential else None
        if user is None:
            errors[watch] = Unauthorized()
        elif user.pk not in see_all and owners.get(session_id) != user.pk:
            errors[watch] = NotFound()
    return errors


def _owners(session_ids: set[uuid.UUID]) -> dict[uuid.UUID, int | None]:
    ids = sorted(session_ids)
    owners: dict[uuid.UUID, int | None] = {}
    for start in range(0, len(ids), MAX_IDS):
        rows = BatchSession.objects.filter(pk__in=ids[start : start + MAX_IDS]).values_list("pk", "owner_id")
        owners.update(rows)
    return owners
