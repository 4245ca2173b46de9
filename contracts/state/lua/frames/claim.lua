-- claim (frames): gives the capture to the consumer that holds its dispatch entry, with a new generation; every older token
-- becomes invalid. A second dispatch entry for the same capture, or a finished or failed
-- capture, gets nothing. A state of another release is left as it is.
-- KEYS state, frames, rows   ARGV dispatch_id, ttl_open_s, ttl_ended_s   -> HGETALL | {} | {format, number}
local s = redis.call('HMGET', KEYS[1], 'status', 'dispatch', 'format')
if s[3] and s[3] ~= '1' and s[3] ~= '2' then return {'format', s[3]} end
if not s[1] or s[1] == 'finished' or s[1] == 'failed' then return {} end
if s[2] and s[2] ~= ARGV[1] then return {} end
local ttl = s[1] == 'open' and ARGV[2] or ARGV[3]
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], ttl) end -- first: memory is checked at a script's first write
local generation = redis.call('HINCRBY', KEYS[1], 'generation', 1)
redis.call('HINCRBY', KEYS[1], 'deliveries', 1)
redis.call('HSET', KEYS[1], 'dispatch', ARGV[1], 'token', ARGV[1] .. '/' .. generation)
return redis.call('HGETALL', KEYS[1])
