-- append_events (events): adds several events to the stream: all of them, or none.
-- KEYS events   ARGV event_json, user_id, session_id, record_id … -> [entry_id …]
local ids = {}
for i = 1, #ARGV, 4 do -- memory is checked at the first write only, so no later one fails
  ids[#ids + 1] = redis.call('XADD', KEYS[1], '*', 'event', ARGV[i], 'user_id', ARGV[i + 1], 'session_id', ARGV[i + 2],
    'record_id', ARGV[i + 3])
end
return ids
