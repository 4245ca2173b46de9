-- acknowledge_events (events): removes entries whose lines are on disk, then writes their receipts and marks the
-- captures' records. An unreadable record does not stop the other entries.
-- KEYS events, unfinished, then for each entry: receipt, record
-- ARGV group, ttl_s, then for each entry: entry_id, receipt_json, capture_id, recorded_at
-- -> for each: ms since the capture's close | -1: no capture, acknowledged before, or no known time of closing
local ids, answers = {}, {}
for i = 3, #ARGV, 4 do ids[#ids + 1] = ARGV[i] end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ids))
redis.call('XDEL', KEYS[1], unpack(ids))
local t = redis.call('TIME')
local now_ms = t[1] * 1000 + math.floor(t[2] / 1000)
for n = 1, #ids do
  local receipt, record = KEYS[2 * n + 1], KEYS[2 * n + 2]
  local receipt_json, capture_id, recorded_at = ARGV[4 * n], ARGV[4 * n + 1], ARGV[4 * n + 2]
  redis.call('SET', receipt, receipt_json, 'EX', ARGV[2])
  answers[n] = -1
  if capture_id ~= '' then
    redis.pcall('ZREM', KEYS[2], capture_id)
    local s = redis.pcall('HMGET', record, 'outcome', 'recorded_at', 'closed_ms')
    if not s.err and s[1] == 'published' then
      redis.call('HSET', record, 'recorded_at', recorded_at)
      if s[3] and s[3]:match('^%d+$') and #s[3] < 16 and not s[2] then answers[n] = math.max(0, now_ms - s[3]) end
    end
  end
end
return answers
