-- Sends the signed requests of the file that the first argument names: random ones, as fast as the answers come. At the end,
-- prints a line for bench.py: requests, microseconds, p50 and p99 in microseconds, failures.

local requests = {}

function init(arguments)
    local file = assert(loadfile(arguments[1]))()
    for _, request in ipairs(file) do
        table.insert(requests, wrk.format("POST", "/", request.headers, request.body))
    end
    math.randomseed(os.time() + tonumber(tostring(requests):match("0x(%x+)"), 16) % 1000000)
end

function request()
    return requests[math.random(#requests)]
end

function done(summary, latency)
    local failures = summary.errors
    print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
        latency:percentile(99), failures.connect + failures.read + failures.write + failures.status + failures.timeout))
end
