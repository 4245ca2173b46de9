-- allow_erasure (events): from now on extractors may remove the one artifact that this request names, and no extractor
-- writes it again.
-- KEYS erasure, events   ARGV request, ttl_s
-- -> 1: ask for it | 0: the event of its erasure waits for the recorder | {format, number}
local s = redis.call('HMGET', KEYS[1], 'request', 'entry_id', 'format')
if s[3] and s[3] ~= '1' and s[3] ~= '2' then return {'format', s[3]} end
if s[1] ~= ARGV[1] then redis.call('DEL', KEYS[1]) end -- what is noted is about another artifact
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'format', '2')
redis.call('EXPIRE', KEYS[1], ARGV[2])
if s[1] ~= ARGV[1] or not s[2] or not s[2]:match('^%d+%-%d+$') or #s[2] > 31 then return 1 end
if redis.call('XRANGE', KEYS[2], s[2], s[2])[1] then return 0 end
return 1
