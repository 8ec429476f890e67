"""Whose turn it is: one queue of workspaces in Redis, each in it once, from which the workers take the next.

A message of Celery's is a ticket and no more: who is served is decided when a worker comes with it. So a workspace that
floods holds at most its few places at the table and stands in the queue once, however many jobs it has left.

Two lanes. In `now` wait those who have just left work: a person may be looking. In `rest` those who have had their turn
and are not finished, whose timer rang, and who are swept: thousands of them at once delay nobody by more than each fourth
turn, which is theirs, so that they never starve either. Each step is one script, so that no two workers see half of one.
"""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis
from django.conf import settings

from crm_platform.kernel import clock

NOW, REST, NUMBER, TAKEN, OWED = "turns:now", "turns:rest", "turns:number", "turns:taken", "turns:owed"
# A place at the table whose holder gives no sign of life for so long is free again: seconds, as long as a job's lease.
HOLDER_DIES = 30
# Seconds between two signs of life.
SIGN_EVERY = 8.0
# Work that takes long may hold all places of a workspace but one: what is short never waits behind it.
MAY_DO_ALL, SHORT_ONLY = "b", "s"

_JOIN = """
local function join(member, lane)
  if redis.call('ZSCORE', KEYS[1], member) then return 0 end
  local waits = redis.call('ZSCORE', KEYS[2], member)
  if waits and lane == KEYS[2] then return 0 end
  if waits then redis.call('ZREM', KEYS[2], member) end
  redis.call('ZADD', lane, redis.call('INCR', KEYS[3]), member)
  return waits and 0 or 1
end
"""
_ASK = f"{_JOIN} return join(ARGV[1], ARGV[2])"
_TAKE = """
local lanes = {KEYS[1], KEYS[2]}
if redis.call('INCR', KEYS[3]) % 4 == 0 then lanes = {KEYS[2], KEYS[1]} end
for _, lane in ipairs(lanes) do
  while true do
    local first = redis.call('ZRANGE', lane, 0, 0)[1]
    if not first then break end
    redis.call('ZREM', lane, first)
    local places = 'slots:' .. first
    redis.call('ZREMRANGEBYSCORE', places, '-inf', ARGV[1] - ARGV[4])
    local holders, long = redis.call('ZRANGE', places, 0, -1), 0
    for _, holder in ipairs(holders) do
      if string.sub(holder, 1, 1) == 'b' then long = long + 1 end
    end
    if #holders < tonumber(ARGV[2]) then
      local mark = (long < tonumber(ARGV[3])) and 'b' or 's'
      redis.call('ZADD', places, ARGV[1], mark .. ARGV[5])
      redis.call('EXPIRE', places, 120)
      return {first, mark, lane}
    end
    redis.call('HSET', KEYS[4], first, lane)
  end
end
return false
"""
_LEAVE = f"""{_JOIN}
redis.call('ZREM', 'slots:' .. ARGV[1], ARGV[2])
local owed = redis.call('HGET', KEYS[4], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
if owed then return join(ARGV[1], owed) end
if ARGV[3] == '1' then return join(ARGV[1], KEYS[2]) end
return 0
"""


@functools.cache
def queue() -> redis.Redis:
    """The queue's Redis, spoken to directly: its keys name the workspace themselves."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=2)


@functools.cache
def _scripts() -> tuple[Any, Any, Any]:
    return queue().register_script(_ASK), queue().register_script(_TAKE), queue().register_script(_LEAVE)


@dataclass(slots=True)
class Turn:
    """A place at the table: whose, whether its holder may take up work that lasts, and in which lane its owner had waited."""

    public_id: str
    generation: int
    holder: str
    long_work: bool
    lane: str = NOW
    _told: float = field(default_factory=time.monotonic)

    @property
    def member(self) -> str:
        """As the queue names it."""
        return f"{self.public_id}:{self.generation}"

    def sign(self) -> None:
        """Say, now and then, that the holder lives: the place of a dead one goes to another."""
        if time.monotonic() - self._told < SIGN_EVERY:
            return
        self._told = time.monotonic()
        queue().zadd(f"slots:{self.member}", {self.holder: clock.real_now().timestamp()}, xx=True)


def ask(public_id: str, generation: int, *, lane: str = NOW) -> bool:
    """Stand in the queue, once; True where a worker has to be told. From `rest` one moves to `now`, never back."""
    return bool(_scripts()[0](keys=[NOW, REST, NUMBER], args=[f"{public_id}:{generation}", lane]))


def take() -> Turn | None:
    """The next in turn that has a place left at the table; the others are remembered until one of theirs leaves."""
    token, places = secrets.token_hex(8), settings.CRM_JOB_SLOTS
    found = _scripts()[1](keys=[NOW, REST, TAKEN, OWED], args=[clock.real_now().timestamp(), places, max(1, places - 1), HOLDER_DIES, token])
    if not found:
        return None
    member, mark, lane = (part.decode() for part in found)
    public_id, _, generation = member.rpartition(":")
    return Turn(public_id, int(generation), mark + token, mark == MAY_DO_ALL, lane)


def leave(turn: Turn, *, unfinished: bool) -> bool:
    """Give the place back; who is not finished, or came meanwhile, queues up again: True where a worker has to be told."""
    return bool(_scripts()[2](keys=[NOW, REST, NUMBER, OWED], args=[turn.member, turn.holder, int(unfinished)]))


@contextmanager
def kept_out(public_id: str, generation: int, *, patience: float = 60.0) -> Iterator[None]:
    """Hold every place at a workspace's table for the block, so that no worker serves it; one at work is waited for, up to `patience` seconds."""
    key, mine = f"slots:{public_id}:{generation}", [f"{MAY_DO_ALL}kept-out-{number}" for number in range(settings.CRM_JOB_SLOTS)]
    ahead = clock.real_now().timestamp() + 3600  # no sign of life is needed so long
    queue().zadd(key, dict.fromkeys(mine, ahead))
    try:
        until = time.monotonic() + patience
        while queue().zcount(key, clock.real_now().timestamp() - HOLDER_DIES, "+inf") > len(mine) and time.monotonic() < until:
            time.sleep(0.1)
        yield
    finally:
        queue().zrem(key, *mine)


def waiting() -> int:
    """How many stand in the queue."""
    with queue().pipeline(transaction=False) as both:
        both.zcard(NOW)
        both.zcard(REST)
        return sum(both.execute())
