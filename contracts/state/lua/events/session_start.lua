-- session_start (events): creates the registry entry and its event together. The same request again gets the
-- same answer, for as long as the entry is kept: some weeks from its last capture.
-- KEYS session, events   ARGV session_id, user_id, request, answer_json, event_json, record_id, ttl_s
-- -> {new, answer_json, event_json, entry_id} | {again, answer_json, event_json} | {format, number}
local s = redis.call('HMGET', KEYS[1], 'start_answer', 'start_event', 'format')
if s[3] and s[3] ~= '1' and s[3] ~= '2' then return {'format', s[3]} end
if s[1] then return {'again', s[1], s[2]} end
local id = redis.call('XADD', KEYS[2], '*', 'event', ARGV[5], 'user_id', ARGV[2], 'session_id', ARGV[1],
  'record_id', ARGV[6], 'format', '2')
redis.call('HSET', KEYS[1], 'session_id', ARGV[1], 'user_id', ARGV[2], 'status', 'active', 'start_request', ARGV[3],
  'start_answer', ARGV[4], 'start_event', ARGV[5], 'format', '2')
redis.call('EXPIRE', KEYS[1], ARGV[7])
return {'new', ARGV[4], ARGV[5], id}
