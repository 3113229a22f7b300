-- Rules, limits, known networks and trials as the service last told of them.
CREATE TABLE policy_items (
    -- 1: access rule, 2: sending limit, 3: known networks, 4: trial.
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- Empty for what is not known, as is 0.
CREATE TABLE places (
    no INTEGER PRIMARY KEY,
    country TEXT NOT NULL,
    asn INTEGER NOT NULL,
    network TEXT NOT NULL,
    UNIQUE (country, asn, network)
) STRICT;

-- Where the newest event from there says that it is.
ALTER TABLE addresses ADD COLUMN place INTEGER;

-- What is counted of messages; too seldom asked for to lie in memory.
CREATE TABLE submissions (
    seq INTEGER PRIMARY KEY,
    recipients INTEGER NOT NULL
) STRICT;
INSERT INTO submissions (seq, recipients)
SELECT seq, coalesce(json_extract(body, '$.recipients'), 0) FROM event_bodies JOIN events USING (seq)
WHERE class BETWEEN 512 AND 767;

-- Explanations name rules and limits, as a JSON list.
CREATE TABLE new_explanations (
    no INTEGER PRIMARY KEY,
    codes TEXT NOT NULL,
    words TEXT NOT NULL,
    causes TEXT NOT NULL DEFAULT '[]',
    UNIQUE (codes, words, causes)
) STRICT;
INSERT INTO new_explanations (no, codes, words) SELECT no, codes, words FROM explanations;
DROP TABLE explanations;
ALTER TABLE new_explanations RENAME TO explanations;
