-- session_end (events): closes the registry entry and publishes its event together. The same request again gets the
-- same answer, for as long as the entry is kept.
-- KEYS session, events   ARGV session_id, user_id, request, answer_json, event_json, record_id, ttl_s
-- -> {new, answer_json, event_json, entry_id} | {again, answer_json, event_json} | {unknown | wrong_user | closed}
-- | {format, number}
local s = redis.call('HMGET', KEYS[1], 'user_id', 'status', 'end_request', 'end_answer', 'end_event', 'format')
if s[6] and s[6] ~= '1' and s[6] ~= '2' then return {'format', s[6]} end
if not s[1] then return {'unknown'} end
if s[1] ~= ARGV[2] then return {'wrong_user'} end
if s[2] ~= 'active' and s[2] ~= 'withdrawn' then
  if s[3] == ARGV[3] then return {'again', s[4], s[5]} end
  return {'closed'}
end
local id = redis.call('XADD', KEYS[2], '*', 'event', ARGV[5], 'user_id', ARGV[2], 'session_id', ARGV[1],
  'record_id', ARGV[6], 'format', '2')
redis.call('HSET', KEYS[1], 'status', 'closed', 'end_request', ARGV[3], 'end_answer', ARGV[4], 'end_event', ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[7])
return {'new', ARGV[4], ARGV[5], id}
