-- open (frames): the state exists, with its TTL, before the capture is dispatched.
-- KEYS state   ARGV open_json, ttl_s, open | closed, field, value …   -> OK | EXISTS
local there = redis.call('HGET', KEYS[1], 'open')
if there == ARGV[1] then return 'OK' end -- a repeat whose first answer was lost
if there then return 'EXISTS' end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'open', ARGV[1], 'accepted', 0, 'bytes', 0,
  'backlog_bytes', 0, 'extracted', 0, 'last_entry_ms', now, 'touched_ms', now, 'format', '2', unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 'OK'
