-- release_leadership (events): a recorder that stops lets its standby take over at once.
-- KEYS leader   ARGV me   -> 1 | 0
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
