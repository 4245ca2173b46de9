-- erasure (events): notes that an artifact is being removed, and from then on the time at which it was first found gone.
-- KEYS erasure   ARGV ttl_s, erased_at or empty   -> erased_at or empty
local at = redis.call('GET', KEYS[1])
if not at or not string.match(at, '^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$') then at = ARGV[2] end
redis.call('SET', KEYS[1], at, 'EX', ARGV[1])
return at
