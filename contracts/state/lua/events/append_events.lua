-- append_events (events): adds several events to the stream: all of them, or none. An event that withdraws consent to its
-- whole session also marks the session, if it is this user's, so that no capture is opened in it any more. Its status
-- is for gateways of release 0.2.0, which know no other mark: for them it is closed.
-- KEYS events, then for each event: session
-- ARGV for each event: event_json, user_id, session_id, record_id, withdraws (1 or empty)   -> [entry_id …]
local ids = {}
for i = 1, #ARGV, 5 do -- memory is checked at the first write only, so no later one fails
  ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'event', ARGV[i], 'user_id', ARGV[i + 1], 'session_id', ARGV[i + 2],
    'record_id', ARGV[i + 3], 'format', '2')
  local session = KEYS[(i + 9) / 5]
  if ARGV[i + 4] == '1' and redis.pcall('HMGET', session, 'user_id')[1] == ARGV[i + 1] then
    redis.call('HSET', session, 'withdrawn', '1')
    if redis.call('HMGET', session, 'status')[1] == 'active' then redis.call('HSET', session, 'status', 'withdrawn') end
  end
end
return ids
