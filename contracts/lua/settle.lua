-- settle (events): the line is in the file -> the entry goes, then its receipt and the capture's record say so.
-- KEYS events, receipt, record, unfinished   ARGV group, entry_id, receipt_json, ttl_s, capture_id, recorded_at
-- -> ms since the capture's close | -1: no capture, settled before, or nobody knows when it was closed
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
if ARGV[5] == '' then return -1 end
redis.call('ZREM', KEYS[4], ARGV[5])
local s = redis.call('HMGET', KEYS[3], 'outcome', 'recorded_at', 'closed_ms')
if s[1] ~= 'published' then return -1 end
redis.call('HSET', KEYS[3], 'recorded_at', ARGV[6])
if s[2] or not s[3] then return -1 end
local t = redis.call('TIME')
return math.max(0, t[1] * 1000 + math.floor(t[2] / 1000) - s[3])
