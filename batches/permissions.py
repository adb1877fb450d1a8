"""Who may do what. Every door asks here; a batch that someone may not see does not exist for them.

In personal mode whoever gets in, over the loopback interface, may do everything. In team mode everyone has their own
batches, and Django's permissions say what goes beyond them.
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
AT_ONCE = 500  # ids in one query


class Right(StrEnum):
    """Django's own permissions of our tables, so that the admin and the other doors ask for the same ones."""

    RUN = "batches.add_batchsession"
    SEE_ALL = "batches.view_batchsession"
    STEER_ALL = "batches.change_batchsession"
    DELETE_ALL = "batches.delete_batchsession"
    IMPORT_PRICES = "batches.add_priceimport"
    EDIT_INSTRUMENTS = "batches.change_instrument"


WORDS = {
    Right.RUN: "start batches",
    Right.SEE_ALL: "see the batches of others",
    Right.STEER_ALL: "steer the batches of others",
    Right.DELETE_ALL: "delete the batches of others",
    Right.IMPORT_PRICES: "load prices",
    Right.EDIT_INSTRUMENTS: "change instruments",
}


def is_personal() -> bool:
    """Whether one person uses all of this, and no one logs in."""
    return bool(settings.ACCESS_MODE == "personal")


def visible(person: Person) -> BatchSessionQuerySet:
    """The batches that someone may see: their own, or all. A foreign id and an unknown one take the same way."""
    if is_personal():
        return BatchSession.objects.all()
    if not person.is_authenticated:
        raise Unauthorized
    if person.has_perm(Right.SEE_ALL):
        return BatchSession.objects.all()
    return BatchSession.objects.filter(owner=person)


def find(person: Person, session_id: str | uuid.UUID) -> BatchSession:
    """The batch of that id, if they may see it; a malformed id is an unknown one."""
    try:
        return visible(person).get(pk=uuid.UUID(str(session_id)))
    except (ValueError, BatchSession.DoesNotExist):
        raise NotFound from None


def owner(person: Person) -> User | None:
    """To whom belongs what they start: in personal mode to no one."""
    if is_personal():
        return None
    if not person.is_authenticated:
        raise Unauthorized
    return person


def person_with(credential: Credential | None) -> Person:
    """Who shows it; in personal mode nobody needs one."""
    if is_personal():
        return AnonymousUser()
    if credential is None or (user := users_by_credential([credential]).get(credential)) is None:
        raise Unauthorized
    return user


def may(person: Person, right: Right, session: BatchSession | None = None) -> bool:
    """Whether they have the right; over a batch of their own they need none."""
    if is_personal() or (session is not None and session.owner_id is not None and session.owner_id == person.pk):
        return True
    return person.has_perm(right)


def require(person: Person, right: Right, session: BatchSession | None = None) -> None:
    """Forbidden, in words, unless they may."""
    if not may(person, right, session):
        raise Forbidden(f"This account may not {WORDS[right]}; an administrator can allow it ({right}).")


def refused(watches: Collection[Watch]) -> dict[Watch, BatchError]:
    """Of those who watch a batch: who may not go on, and why. A few queries, however many they are."""
    if is_personal():
        return {}
    people = users_by_credential({credential for credential, _ in watches if credential})
    see_all = _who_see_all({user.pk for user in people.values()})
    owners = _owners({session_id for _, session_id in watches})
    found: dict[Watch, BatchError] = {}
    for watch in watches:
        credential, session_id = watch
        user = people.get(credential) if credential else None
        if user is None:
            found[watch] = Unauthorized()
        elif user.pk not in see_all and owners.get(session_id) != user.pk:
            found[watch] = NotFound()
    return found


def _who_see_all(user_ids: set[int]) -> set[int]:
    return set(User.objects.with_perm(Right.SEE_ALL).filter(pk__in=user_ids).values_list("pk", flat=True))


def _owners(session_ids: set[uuid.UUID]) -> dict[uuid.UUID, int | None]:
    ids = sorted(session_ids)
    found: dict[uuid.UUID, int | None] = {}
    for start in range(0, len(ids), AT_ONCE):
        rows = BatchSession.objects.filter(pk__in=ids[start : start + AT_ONCE]).values_list("pk", "owner_id")
        found.update(rows)
    return found
