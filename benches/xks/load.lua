-- Sends the signed request of the file that the first argument names, on each connection as fast as the answers come, or (second
-- argument) so many milliseconds after each answer. At the end, prints a line for bench.py: requests, microseconds, p50,
-- p99 and the longest in microseconds, failures.

local pause = 0
local message

function init(arguments)
    local request = assert(loadfile(arguments[1]))()
    pause = tonumber(arguments[2])
    message = wrk.format("POST", request.path, request.headers, request.body)
    if pause > 0 then
        function delay() return pause end
    end
end

function request()
    return message
end

function done(summary, latency)
    local failures = summary.errors
    print(string.format("RESULT %d %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), latency.max,
        failures.connect + failures.read + failures.write + failures.status + failures.timeout))
end
