"""What a subscription to a Redis Stream does in one indivisible step each.

A consumer that is killed between two steps therefore leaves a message in exactly one place.
Time is Redis's own, so the clocks of the consumers need not agree.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis

Script = Callable[..., Awaitable[Any]]


class Scripts:
    """Each takes `keys=[stream, other]` and `args=[group, …]`, as the Lua below names them."""

    def __init__(self, redis: Redis) -> None:
        self.claim: Script = redis.register_script(_CLAIM)
        self.dead: Script = redis.register_script(_FORGET + _DEAD)
        self.done: Script = redis.register_script(_FORGET + _DONE)
        self.promote: Script = redis.register_script(_NOW + _PROMOTE)
        self.prune: Script = redis.register_script(_PRUNE)
        self.refresh: Script = redis.register_script(_REFRESH)
        self.release: Script = redis.register_script(_RELEASE)
        self.retry: Script = redis.register_script(_FORGET + _NOW + _RETRY)


# Where other groups read the same stream, an entry stays for them.
_FORGET = """
local function forget(stream, group, ids)
    local known = redis.call('XACK', stream, group, unpack(ids))
    if redis.call('EXISTS', stream) == 1 and #redis.call('XINFO', 'GROUPS', stream) == 1 then
        redis.call('XDEL', stream, unpack(ids))
    end
    return known
end
"""

_NOW = """
local function now()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end
"""

# group, id…
_DONE = """
return forget(KEYS[1], ARGV[1], {unpack(ARGV, 2)})
"""

# group, id, delay in ms, field, value, …
# An entry that is no longer pending was claimed and settled by somebody else. Written before it is
# forgotten: what a script has done stays done when it fails after that.
_RETRY = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return 0 end
redis.call('ZADD', KEYS[2], now() + ARGV[3], cmsgpack.pack({ARGV[2], unpack(ARGV, 4)}))
return forget(KEYS[1], ARGV[1], {ARGV[2]})
"""

# group, id, field, value, …
_DEAD = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
return forget(KEYS[1], ARGV[1], {ARGV[2]})
"""

# Answers in how many ms the next retry is due, -1 when there is none.
_PROMOTE = """
local present = now()
for _, waiting in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', present, 'LIMIT', 0, 100)) do
    local entry = cmsgpack.unpack(waiting)
    redis.call('XADD', KEYS[1], '*', unpack(entry, 2))
    redis.call('ZREM', KEYS[2], waiting)
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #next == 0 then return -1 end
return math.max(0, next[2] - present)
"""

# group, consumer, idle ms, cursor, count; answers the next cursor and {id, fields, deliveries}…
_CLAIM = """
local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local claimed = {}
for _, entry in ipairs(found[2]) do
    if entry and entry[2] then
        local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
        table.insert(claimed, {entry[1], entry[2], pending[1][4]})
    end
end
return {found[1], claimed}
"""

# group, consumer, id…; those that somebody has claimed meanwhile are left to them.
_REFRESH = """
for index = 3, #ARGV do
    if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[index], ARGV[index], 1, ARGV[2]) == 1 then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[index], 'JUSTID')
    end
end
"""

# group, consumer; what it holds becomes so old that the next look of any other claims it.
# Deleting a consumer deletes what is pending with it, so that comes last.
_RELEASE = """
if redis.call('EXISTS', KEYS[1]) == 0 then return end
while true do
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 500, ARGV[2])
    if #pending == 0 then break end
    for _, entry in ipairs(pending) do
        redis.call('XCLAIM', KEYS[1], ARGV[1], 'released', 0, entry[1], 'IDLE', 2592000000, 'JUSTID')
    end
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
"""

# group; the names that dead consumers leave behind. A live one is made again when it reads.
_PRUNE = """
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    local consumer = {}
    for index = 1, #flat, 2 do consumer[flat[index]] = flat[index + 1] end
    if consumer.pending == 0 and consumer.idle > 3600000 then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    end
end
"""
