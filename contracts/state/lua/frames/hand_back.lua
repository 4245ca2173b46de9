-- hand_back (frames): the owner gives the capture back; this does not count as a failed delivery.
-- KEYS state   ARGV token   -> 1 | 0
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'token') -- first: memory is checked at a script's first write
redis.call('HINCRBY', KEYS[1], 'deliveries', -1)
return 1
