-- upload_slot (frames): takes or renews a video's slot unless there are too many videos, or too many bytes, in all or of
-- one user; videos whose user is not known yet count as one user's. A slot that is not renewed expires. Invalid
-- members, and those that would not expire within two hours, are removed.
-- A slot counts with its own bytes; whole_bytes must fit as well, but is not reserved.
-- KEYS places   ARGV upload_id, bytes, user_id, lease_ms, max_uploads, max_bytes, max_of_user, max_user_bytes, whole_bytes
-- -> OK | full | user
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now)) -- first: it needs no memory
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%.0f', now + 7200000), '+inf')
local whole = math.max(tonumber(ARGV[2]), tonumber(ARGV[9]))
local mine, uploads, bytes, of_user, user_bytes = nil, 1, whole, 1, whole
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local id, size, user = member:match('^([%w._-]+)/(%d+)/([%w._-]*)$')
  if not id or #size > 15 then
    redis.call('ZREM', KEYS[1], member)
  elseif id == ARGV[1] then
    mine = member
  else
    uploads, bytes = uploads + 1, bytes + size
    if user == ARGV[3] then of_user, user_bytes = of_user + 1, user_bytes + size end
  end
end
if uploads > tonumber(ARGV[5]) or bytes > tonumber(ARGV[6]) then return 'full' end
if of_user > tonumber(ARGV[7]) or user_bytes > tonumber(ARGV[8]) then return 'user' end
if mine then redis.call('ZREM', KEYS[1], mine) end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[4]), ARGV[1] .. '/' .. ARGV[2] .. '/' .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 'OK'
