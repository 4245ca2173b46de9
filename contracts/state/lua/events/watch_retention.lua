-- watch_retention (events): one gateway at a time heeds the rules of retention. It learns the broker's time, and since when
-- each rule has been watched without a gap. A rule that is new, or whose watch had a gap, is watched from now on.
-- KEYS retention   ARGV me, lease_ms, gap_ms, rule…   -> {} another gateway does | {now_ms, since_ms of each rule…}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local gap = tonumber(ARGV[3])
local s = redis.pcall('HGETALL', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if s.err or left < 0 or left > gap then s = {} end -- what we write expires after the gap
local before = {}
for i = 1, #s, 2 do before[s[i]] = s[i + 1] end
local held = tonumber(before['by_ms'])
if before['by'] ~= ARGV[1] and held and held <= now and now - held < tonumber(ARGV[2]) then return {} end
local fields, answer = {'by', ARGV[1], 'by_ms', now}, {now}
for i = 4, #ARGV do
  local since = tonumber(before['since:' .. ARGV[i]])
  if not (since and since >= 0 and since <= now) then since = now end
  since = math.floor(since)
  fields[#fields + 1], fields[#fields + 2] = 'since:' .. ARGV[i], string.format('%.0f', since)
  answer[#answer + 1] = since
end
redis.call('DEL', KEYS[1]) -- with the rules that are gone
for i = 1, #fields, 2 do redis.call('HSET', KEYS[1], fields[i], fields[i + 1]) end
redis.call('PEXPIRE', KEYS[1], gap)
return answer
