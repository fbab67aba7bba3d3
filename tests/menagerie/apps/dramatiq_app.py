"""A job of Dramatiq, with Redis as its broker."""

import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from web import WORK, say

dramatiq.set_broker(RedisBroker(host="127.0.0.1", port=6379))


@dramatiq.actor
def job() -> None:
    """Work in flight."""
    say("work started")
    time.sleep(WORK)
    say("work finished")
