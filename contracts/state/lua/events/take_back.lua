-- take_back (events): a capture that is extraction_failed has no outcome again, so that its extraction can be tried once
-- more. The sweep sees to it from then on.
-- KEYS record, unfinished, session, note   ARGV capture_id, note_ttl_s
-- -> OK | published | aborted | unknown | consent_withdrawn
local s = redis.call('HMGET', KEYS[1], 'outcome', 'error_code', 'user_id')
if not s[3] then return 'unknown' end
if s[1] and not (s[1] == 'aborted' and s[2] == 'extraction_failed') then return s[1] end
local session = redis.pcall('HMGET', KEYS[3], 'user_id', 'withdrawn')
if session[1] == s[3] and session[2] then return 'consent_withdrawn' end
redis.call('HDEL', KEYS[1], 'outcome', 'error_code') -- first: memory is checked at a script's first write
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.pcall('ZADD', KEYS[2], now, ARGV[1])
redis.call('SET', KEYS[4], 'retried ' .. now .. ' -', 'EX', ARGV[2])
return 'OK'
