-- One order of bench/peers in Redis: adds it to the sorted sets of its four entities and reads their windows, in time
-- that grows with the logarithm of a window and not with its length.
--
-- KEYS   1..4 buyer, device, host, address; 5 the once-only key
-- ARGV   1 time (us), 2 sequence, 3 amount (minor units), 4 "0" to add without reading
-- returns nothing for a repeated event; else 21 integers an entity:
--        count, sum for 1m, 10m, 1h, 1d, 7d, 30d; squares for 7d, 30d; max for 1d, 30d; distinct for 1h, 1d, 30d;
--        amount and time of the order before this one within 30d (-1 where there is none)
--
-- An entity E has three sorted sets, all scored by time:
--   E      its orders; a member is (sequence, amount, and count, sum and squares of all orders up to it), so that a
--          window is the difference of two members. An order that comes late adds itself to those behind it.
--   E:s    the other keys it was seen with, scored by the last time
--   E:p    its peaks: orders that no later one reaches, so that the first one of a window is its greatest
-- Doubles hold integers up to 2^53: sums of squares beyond that are rounded.
local t, amount = tonumber(ARGV[1]), tonumber(ARGV[3])
local read = ARGV[4] ~= '0'
if not redis.call('SET', KEYS[5], ARGV[2], 'NX', 'EX', 172800) then return {} end

local FORM = '>Ldddd'
local WINDOWS = {60e6, 600e6, 3600e6, 86400e6, 604800e6, 2592000e6}
local KEPT = 2592000e6 + 86400e6 -- the longest window and the bound of lateness
local function whole(x) return string.format('%.0f', x) end
local out = {}

local function add(e, own)
  local before = redis.call('ZREVRANGE', e, 0, 0, 'WITHSCORES')
  local late = before[2] and tonumber(before[2]) > t
  if late then before = redis.call('ZREVRANGEBYSCORE', e, t, '-inf', 'WITHSCORES', 'LIMIT', 0, 1) end
  local n, s, q, last_amount, last_time = 0, 0, 0, -1, -1
  if before[1] then
    local _, a
    _, a, n, s, q = struct.unpack(FORM, before[1])
    last_time = tonumber(before[2])
    last_amount = a
  elseif late then
    local _, a, n1, s1, q1 = struct.unpack(FORM, redis.call('ZRANGE', e, 0, 0)[1])
    n, s, q = n1 - 1, s1 - a, q1 - a * a
  end
  if last_time <= t - WINDOWS[6] then last_amount, last_time = -1, -1 end
  if late then
    local after = redis.call('ZRANGEBYSCORE', e, '(' .. ARGV[1], '+inf', 'WITHSCORES')
    for i = 1, #after, 2 do
      local seq1, a1, n1, s1, q1 = struct.unpack(FORM, after[i])
      redis.call('ZREM', e, after[i])
      redis.call('ZADD', e, after[i + 1], struct.pack(FORM, seq1, a1, n1 + 1, s1 + amount, q1 + amount * amount))
    end
  end
  n, s, q = n + 1, s + amount, q + amount * amount
  redis.call('ZADD', e, ARGV[1], struct.pack(FORM, tonumber(ARGV[2]), amount, n, s, q))
  redis.call('ZADD', e .. ':s', 'GT', ARGV[1], own)

  local peaks = e .. ':p'
  local higher = late and redis.call('ZRANGEBYSCORE', peaks, '(' .. ARGV[1], '+inf', 'LIMIT', 0, 1)[1]
  if not higher or struct.unpack('>d', higher) < amount then
    while true do
      local lower = redis.call('ZREVRANGEBYSCORE', peaks, t, '-inf', 'LIMIT', 0, 1)[1]
      if not lower or struct.unpack('>d', lower) > amount then break end
      redis.call('ZREM', peaks, lower)
    end
    redis.call('ZADD', peaks, ARGV[1], struct.pack('>dL', amount, tonumber(ARGV[2])))
  end
  return n, s, q, last_amount, last_time
end

local function windows(e, n, s, q, last_amount, last_time)
  local count, sum, squares = {}, {}, {}
  for w = 6, 1, -1 do
    if w < 6 and count[w + 1] == 1 then
      count[w], sum[w], squares[w] = 1, amount, amount * amount
    else
      local edge = redis.call('ZREVRANGEBYSCORE', e, whole(t - WINDOWS[w]), '-inf', 'LIMIT', 0, 1)[1]
      local n0, s0, q0, _, a
      if edge then
        _, a, n0, s0, q0 = struct.unpack(FORM, edge)
      else
        _, a, n0, s0, q0 = struct.unpack(FORM, redis.call('ZRANGE', e, 0, 0)[1])
        n0, s0, q0 = n0 - 1, s0 - a, q0 - a * a
      end
      count[w], sum[w], squares[w] = n - n0, s - s0, q - q0
    end
  end
  for w = 1, 6 do
    out[#out + 1] = count[w]
    out[#out + 1] = sum[w]
  end
  out[#out + 1] = squares[5]
  out[#out + 1] = squares[6]
  for _, w in ipairs({4, 6}) do
    local peak = count[w] > 1
      and redis.call('ZRANGEBYSCORE', e .. ':p', '(' .. whole(t - WINDOWS[w]), t, 'LIMIT', 0, 1)[1]
    out[#out + 1] = peak and struct.unpack('>d', peak) or amount
  end
  for _, w in ipairs({3, 4, 6}) do
    out[#out + 1] = count[w] == 1 and 1 or redis.call('ZCOUNT', e .. ':s', '(' .. whole(t - WINDOWS[w]), '+inf')
  end
  out[#out + 1] = last_amount
  out[#out + 1] = last_time
end

for i = 1, 4 do
  local e = KEYS[i]
  local n, s, q, last_amount, last_time = add(e, i == 1 and KEYS[2] or KEYS[1])
  if read then windows(e, n, s, q, last_amount, last_time) end
  -- What no window can reach any more goes, at one order of sixteen.
  if tonumber(ARGV[2]) % 16 == 0 then
    local edge = whole(t - KEPT)
    redis.call('ZREMRANGEBYSCORE', e, '-inf', edge)
    redis.call('ZREMRANGEBYSCORE', e .. ':s', '-inf', edge)
    redis.call('ZREMRANGEBYSCORE', e .. ':p', '-inf', edge)
  end
end
return out
