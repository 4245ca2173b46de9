-- publish_erasure (events): publishes that an artifact is gone, with the event that was published first.
-- KEYS erasure, events   ARGV request, ttl_s, event_json, user_id, session_id, record_id   -> 1
local s = redis.call('HMGET', KEYS[1], 'request', 'event')
local event = s[1] == ARGV[1] and s[2] or ARGV[3]
local id = redis.call('XADD', KEYS[2], '*', 'event', event, 'user_id', ARGV[4], 'session_id', ARGV[5],
  'record_id', ARGV[6], 'format', '2')
if s[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'event', event, 'entry_id', id)
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
