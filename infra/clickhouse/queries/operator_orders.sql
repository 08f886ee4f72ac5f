-- title: Orders of operators
-- answers: Who ordered what about a release, when and why.
-- unit: one row an order
-- from: rollout_commands
-- param release: String -- release to tell about
SELECT issued_ts, command, ifNull(stratum, '') AS stratum, `by`, signer, reason
FROM rollout_commands
WHERE release_id = {release:String}
ORDER BY issued_ts, _offset
