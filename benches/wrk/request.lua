-- Arguments after `--`: `close` for a connection a request, or a file with a path, and a host if need be, a line
-- to ask for in turn.
-- At the end one line of numbers, which is easier to read than wrk's own report.

local requests = {}
local turn = 0

function init(args)
  if args[1] == "close" then
    wrk.headers["Connection"] = "close"
  elseif args[1] then
    for line in io.lines(args[1]) do
      local path, host = line:match("^(%S+) *(%S*)$")
      wrk.headers["Host"] = host ~= "" and host or "bench"
      requests[#requests + 1] = wrk.format(nil, path)
    end
    request = function()
      turn = turn % #requests + 1
      return requests[turn]
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "figures requests=%d bytes=%d micros=%d failed=%d refused=%d p50=%d p99=%d max=%d\n",
    summary.requests, summary.bytes, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99), latency.max
  ))
end
