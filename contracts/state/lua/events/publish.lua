-- publish (events): publishes a capture's one event if it has no outcome yet; else returns the outcome.
-- KEYS record, events
-- ARGV event_json, capture_id, user_id, session_id, record_id, ttl_s, traceparent or '', field, value …
-- -> {new | published, event_json} | {aborted, error_code}
local s = redis.call('HMGET', KEYS[1], 'outcome', 'event', 'error_code')
if s[1] == 'published' then return {'published', s[2]} end
if s[1] then return {'aborted', s[3] or ''} end
local id = redis.call('XADD', KEYS[2], '*', 'event', ARGV[1], 'user_id', ARGV[3], 'session_id', ARGV[4],
  'record_id', ARGV[5], 'capture_id', ARGV[2], 'format', '2',
  unpack(ARGV[7] ~= '' and {'traceparent', ARGV[7]} or {}))
redis.call('HSET', KEYS[1], 'capture_id', ARGV[2], 'user_id', ARGV[3], 'session_id', ARGV[4], 'record_id', ARGV[5],
  'outcome', 'published', 'event', ARGV[1], 'entry_id', id, unpack(ARGV, 8))
redis.call('EXPIRE', KEYS[1], ARGV[6])
return {'new', ARGV[1]}
