-- push (frames): a frame is taken only while the capture is open and its stream has room; the stream is
-- bounded by refusing, never by trimming. A repeated seq with the same content is already done.
-- KEYS state, frames   ARGV seq, byte_length, timestamp_frame, max_frames, max_bytes, ttl_s, field, value …
-- -> {OK | FULL | CONFLICT, depth, backlog_bytes, extracted, claimed} | {GONE, error_code}
local s = redis.call('HMGET', KEYS[1], 'status', 'error_code', 'accepted', 'backlog_bytes', 'extracted',
  'generation', 'last_timestamp', 'last_byte_length')
if s[1] ~= 'open' then return {'GONE', s[2] or (s[1] and 'protocol_violation') or 'forward_failed'} end
local seq, size, accepted, backlog = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(s[3]), tonumber(s[4])
local depth = redis.call('XLEN', KEYS[2])
local function answer(word) return {word, depth, backlog, tonumber(s[5]), s[6] and 1 or 0} end
if seq == accepted then
  if s[7] == ARGV[3] and s[8] == ARGV[2] then return answer('OK') end
  return answer('CONFLICT')
end
if seq ~= accepted + 1 then return answer('CONFLICT') end
if depth >= tonumber(ARGV[4]) or (depth > 0 and backlog + size > tonumber(ARGV[5])) then return answer('FULL') end
redis.call('XADD', KEYS[2], ARGV[1] .. '-0', unpack(ARGV, 7))
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
depth, backlog = depth + 1, backlog + size
redis.call('HSET', KEYS[1], 'accepted', ARGV[1], 'backlog_bytes', backlog, 'last_entry_ms', now,
  'touched_ms', now, 'last_timestamp', ARGV[3], 'last_byte_length', ARGV[2])
redis.call('HINCRBY', KEYS[1], 'bytes', size)
redis.call('EXPIRE', KEYS[1], ARGV[6])
redis.call('EXPIRE', KEYS[2], ARGV[6])
return answer('OK')
