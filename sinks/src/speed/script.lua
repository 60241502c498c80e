-- The one script through which a job writes to Redis: every change is fenced by generation, ordered by tick, and atomic.
--
-- ARGV: 1 operation, 2 prefix of the job's own keys ("greenwave:<job>:"), 3 generation and history ("7 9f3a…"), 4 number
-- of the second db, then
--   claim  5 "first" | "take" (first, and whatever another history left is discarded) | "again", 6 owner key, 7 job,
--          8 highest own tick (first: the restored one), then "<tick> <binding>" for each own binding
--   push   5 the tick bound before the first (empty: replace the list), 6 highest tick, then tick, binding, ...
--   write  5 group, 6 from (empty: resync), 7 to, 8 contract db, 9 oldest tick of the feed (empty: no feed), 10 deltas,
--          then twice (contract keys, own keys): n, n × (key, value, expiry or empty); n, n × those of them that are new;
--          n, n × removed; n, n × retired
--   trim   5 tick
--   seal   5 tick, 6.. the last tick bound with changes, for each group in order
--
-- Keys of the second db: meta {generation, history, listed, visible}, ticks, held (bindings of a list that was discarded),
-- applied {group -> tick; a group without one is stale}, members:<group>, own:<group>, feed:<group>.
-- Ticks stay below 2^53, so a Lua number holds them exactly; what is stored is always the text as it came.

local call, ARGV = redis.call, ARGV
local op, base, second = ARGV[1], ARGV[2], ARGV[4]
local number, history = string.match(ARGV[3], '^(%d+) ?(.*)$')
local generation = tonumber(number)
call('SELECT', second)

local meta, ticks, held, positions = base .. 'meta', base .. 'ticks', base .. 'held', base .. 'applied'
local state = call('HMGET', meta, 'generation', 'listed', 'visible', 'history')
local known = tonumber(state[1] or '0')
local listed = tonumber(state[2] or '-1')

-- Of another state store: its ticks and generations say nothing about ours.
local foreign = state[4] and state[4] ~= history

-- Whether what is listed goes on from the restored tick, as it does unless an older state was put back.
local function follows(restored)
  for _, entry in ipairs(call('LRANGE', ticks, 0, -1)) do
    local tick, json = string.match(entry, '^(%d+) (.*)$')
    if tonumber(tick) > restored then
      local is_json, binding = pcall(cjson.decode, json)
      local cut = is_json and type(binding) == 'table' and binding.cut
      return type(cut) ~= 'table' or cut.tick == restored
    end
  end
  return listed <= restored
end

local function claim()
  local mode, owner_key, job = ARGV[5], ARGV[6], ARGV[7]
  local owner = call('GET', owner_key)
  if owner and owner ~= job then return {'OWNED', owner} end
  if foreign then
    if mode ~= 'take' then return {'FOREIGN'} end
    call('DEL', ticks, held, positions, meta)
    known, listed, state = 0, -1, {}
  end
  if known > generation then return {'FENCED', state[1]} end
  call('SET', owner_key, job)
  local answer = 'OK'
  if mode == 'again' and known < generation then answer = 'LOST' end
  if answer == 'LOST' or (mode ~= 'again' and not follows(tonumber(ARGV[8]))) then
    -- What others bound is not ours to repeat, but readers have seen it: nothing is shown before we are past it.
    for _, entry in ipairs(call('LRANGE', ticks, 0, -1)) do call('RPUSH', held, entry) end
    call('DEL', ticks, positions)
    for i = 9, #ARGV do call('RPUSH', ticks, ARGV[i]) end
    call('HSET', meta, 'listed', ARGV[8])
    state[2] = ARGV[8]
  end
  call('HSET', meta, 'generation', number, 'history', history)
  return {answer, state[2] or '0', call('HGETALL', positions), call('LRANGE', ticks, 0, -1),
    call('LRANGE', held, 0, -1)}
end

local function push()
  local anew = ARGV[5] == ''
  if anew then
    -- Sent before an outage and read after it: a newer push has been here.
    if tonumber(ARGV[6]) < listed then return {'OK'} end
    call('DEL', ticks)
  elseif listed < tonumber(ARGV[5]) then
    return {'HOLE'}
  end
  for i = 7, #ARGV, 2 do
    if anew or tonumber(ARGV[i]) > listed then call('RPUSH', ticks, ARGV[i] .. ' ' .. ARGV[i + 1]) end
  end
  if tonumber(ARGV[6]) > listed then call('HSET', meta, 'listed', ARGV[6]) end
  return {'OK'}
end

local function trim()
  local upto = tonumber(ARGV[5])
  while true do
    local oldest = call('LINDEX', ticks, 0)
    if not oldest or tonumber(string.match(oldest, '^%d+')) > upto then break end
    call('LPOP', ticks)
  end
  if upto > listed then call('HSET', meta, 'listed', ARGV[5]) end
  return {'OK'}
end

-- Lua hands at most 8,000 values to a function.
local function in_parts(command, key, list)
  for i = 1, #list, 4000 do
    local last = math.min(i + 3999, #list)
    if key then call(command, key, unpack(list, i, last)) else call(command, unpack(list, i, last)) end
  end
end

local at = 11
local function listing()
  local n = tonumber(ARGV[at])
  local list = {}
  for i = 1, n do list[i] = ARGV[at + i] end
  at = at + n + 1
  return list
end

local function block(db, members, swap)
  local n, first = tonumber(ARGV[at]), at + 1
  at = first + 3 * n
  local new, removed, retired = listing(), listing(), listing()
  if swap then
    local kept = {}
    for i = 1, n do
      new[i] = ARGV[first + 3 * (i - 1)]
      kept[new[i]] = true
    end
    for _, key in ipairs(call('SMEMBERS', members)) do
      if not kept[key] then removed[#removed + 1] = key end
    end
    call('DEL', members)
  end
  if n + #new + #removed + #retired == 0 then return end
  call('SELECT', db)
  in_parts('DEL', nil, removed)
  for i = first, first + 3 * (n - 1), 3 do
    if ARGV[i + 2] == '' then
      call('SET', ARGV[i], ARGV[i + 1])
    else
      call('SET', ARGV[i], ARGV[i + 1], 'PXAT', ARGV[i + 2])
    end
  end
  call('SELECT', second)
  in_parts('SADD', members, new)
  in_parts('SREM', members, removed)
  in_parts('SREM', members, retired)
end

-- The entry leads from the position the group had, which `from` may be before: a reader that stands there goes on.
local function feed(group, applied, to)
  local stream, id = base .. 'feed:' .. group, to .. '-0'
  local reset = {'gen', number, 'reset', '1', 'to', to}
  local entry = applied and {'gen', number, 'from', applied, 'to', to, 'deltas', ARGV[10]} or reset
  local answer = redis.pcall('XADD', stream, 'MINID', '=', ARGV[9], id, unpack(entry))
  -- Ids only rise. A stream that is ahead of its group is of another history: readers start over.
  if type(answer) == 'table' and answer.err then
    call('DEL', stream)
    call('XADD', stream, id, unpack(reset))
  end
end

local function write()
  local group, from, to = ARGV[5], ARGV[6], ARGV[7]
  local applied = call('HGET', positions, group)
  local swap = from == ''
  if not swap and not applied then return {'GAP'} end
  if tonumber(to) > listed then return {'UNLISTED'} end
  if applied and tonumber(to) <= tonumber(applied) then return {'SKIP'} end
  if not swap and tonumber(from) > tonumber(applied) then return {'GAP'} end
  block(ARGV[8], base .. 'members:' .. group, swap)
  block(second, base .. 'own:' .. group, swap)
  if ARGV[9] ~= '' then feed(group, not swap and applied, to) end
  call('HSET', positions, group, to)
  return {'OK'}
end

local function seal()
  local tick = tonumber(ARGV[5])
  if tick > listed then return {'UNLISTED'} end
  local groups = {}
  for i = 6, #ARGV do groups[i - 5] = tostring(i - 6) end
  local reached, answer = call('HMGET', positions, unpack(groups)), {'BEHIND'}
  for i, applied in ipairs(reached) do
    if not applied or tonumber(applied) < tonumber(ARGV[i + 5]) then answer[#answer + 1] = groups[i] end
  end
  if #answer > 1 then return answer end
  if tick > tonumber(state[3] or '-1') then call('HSET', meta, 'visible', ARGV[5]) end
  call('DEL', held)
  return {'VISIBLE'}
end

if op == 'claim' then return claim() end
if known > generation or foreign then return {'FENCED', state[1]} end
if known < generation then return {'LOST'} end
if op == 'push' then return push() end
if op == 'write' then return write() end
if op == 'trim' then return trim() end
return seal()
