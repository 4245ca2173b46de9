-- measure (frames): the owner notes about how many frames its video has, and how many it read.
-- KEYS state   ARGV token, expected, accepted   -> 1 | 0
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'expected') -- first: memory is checked at a script's first write, and this one is free
redis.call('HSET', KEYS[1], 'expected', ARGV[2], 'accepted', ARGV[3]) -- its TTL stays
return 1
