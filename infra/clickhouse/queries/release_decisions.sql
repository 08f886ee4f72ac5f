-- title: Decisions of a release
-- answers: What was decided about a release, in order, by whom and why.
-- unit: one row a decision
-- from: model_releases
-- param release: String -- release to tell about
SELECT
    decision_seq,
    decided_ts,
    kind,
    ifNull(stratum, '') AS stratum,
    wave,
    share,
    signer,
    evidence_n,
    round(evidence_e_harm, 3) AS e_harm,
    round(evidence_e_safe, 3) AS e_safe,
    reason
FROM model_releases
WHERE release_id = {release:String}
ORDER BY decision_seq, _offset
