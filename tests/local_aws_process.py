"""The process of the local AWS: ministack, with two differences.

ministack never fires a second at() schedule of one name: it remembers by name what has fired, also after the schedule was
deleted. On AWS, a schedule that is created after a deletion is a new one, and the functions rely on that: a retry or a
further check is the same schedule, deleted and created again.

And its list of schedules ends after a hundred, without a token for the next page, so that it would hide the rest.
"""

from ministack.app import main
from ministack.services import scheduler

_delete_schedule = scheduler._delete_schedule
_list_schedules = scheduler._list_schedules


def _delete_and_forget(name: str, query: dict):
    key = f"{query.get('groupName', 'default')}/{name}"
    for fired in [fired for fired in scheduler._schedule_last_fired if fired[2] == key]:
        del scheduler._schedule_last_fired[fired]
    return _delete_schedule(name, query)


def _list_all(query: dict):
    return _list_schedules({"MaxResults": "100000", **query})


scheduler._delete_schedule = _delete_and_forget
scheduler._list_schedules = _list_all

if __name__ == "__main__":
    main()
