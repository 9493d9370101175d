"""In which order the stages of APIs are read: what is on the screen first, then what is near it.

Reading takes as long as AWS's budget says, minutes for a full Region; its order is free.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wizard.core.facts import Api

NAME, TYPE = "name", "type"


@dataclass(frozen=True)
class View:
    """What somebody looks at in the list of stages.

    Attributes:
        words: what is typed into the filter.
        seen: the APIs on the screen, from top to bottom.
        above, below: whether rows are hidden there. Where none are, what comes in there is seen.
        by: what the rows are ordered by. Only by name and by type is it known where an API will
            stand before it is read.
    """

    words: str = ""
    seen: tuple[Api, ...] = ()
    above: bool = False
    below: bool = False
    by: str = NAME


def wanted(view: View, apis: Iterable[Api]) -> tuple[str, ...]:
    """Ids of the APIs to read first, the most wanted first; the others follow as they come.

    Those that match the filter; of these, what will stand on the screen, then what is below it,
    then what is above, the nearest first.
    """
    words = view.words.lower().split()
    found = [api for api in apis if _matches(api, words)] if words else list(apis)
    if view.by not in (NAME, TYPE) or not view.seen:
        # A row that is there is one of the last time, or of an API that is read already.
        return tuple(dict.fromkeys((*_ids(view.seen), *_ids(found if words else ()))))
    found.sort(key=lambda api: _place(api, view.by))
    places = [_place(api, view.by) for api in view.seen]
    first, last = min(places), max(places)
    over = [api for api in found if view.above and _place(api, view.by) < first]
    under = [api for api in found if view.below and _place(api, view.by) > last]
    aside = {api.api_id for api in (*over, *under)}
    inside = [api for api in found if api.api_id not in aside]
    return _ids((*inside, *under, *reversed(over)))


def _matches(api: Api, words: list[str]) -> bool:
    name = f"{api.name} {api.api_id}".lower()
    return all(word in name for word in words)


def _place(api: Api, by: str) -> tuple[str, str, str]:
    return (api.api_type.value if by == TYPE else "", api.name.lower(), api.api_id)


def _ids(apis: Iterable[Api]) -> tuple[str, ...]:
    return tuple(api.api_id for api in apis)
