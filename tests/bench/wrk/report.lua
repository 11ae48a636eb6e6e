-- Prints wrk's results as one line of JSON, which the benchmark reads. Times are in microseconds.
-- Bytes include the responses' headers.
function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "duration": %d, "bytes": %d, "p99": %d, "errors": %d}',
    summary.requests, summary.duration, summary.bytes,
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
