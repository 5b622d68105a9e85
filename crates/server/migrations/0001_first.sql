-- What survives a restart. Times are milliseconds since 1970 (UTC); ids are GUIDs, dashed, in
-- lower case. Nothing here is private but the signing keys: no names, no numbers, no key presses.

-- Every call's events, in the order they were decided. `entry` is the whole entry as JSON.
CREATE TABLE journal (
    id    INTEGER PRIMARY KEY,
    call  TEXT    NOT NULL,
    leg   TEXT    NOT NULL,
    seq   INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    entry TEXT    NOT NULL
);
CREATE INDEX journal_by_call ON journal (call, id);

-- Why callers were turned away.
CREATE TABLE refusals (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    call   TEXT,
    leg    TEXT,
    bot    TEXT,
    rule   TEXT    NOT NULL,
    why    TEXT    NOT NULL,
    change TEXT    NOT NULL
);

-- Bots' legs whose last event has not been delivered. What is still here at start was cut off by
-- the end of the process, and its bot is owed an ending.
CREATE TABLE legs (
    leg      TEXT    PRIMARY KEY,
    call     TEXT    NOT NULL,
    bot      TEXT    NOT NULL,
    callback TEXT,
    seq      INTEGER NOT NULL
) WITHOUT ROWID;

-- Files of recorded answers. `delete_at` is known once their call has ended.
CREATE TABLE recordings (
    operation   TEXT    PRIMARY KEY,
    leg         TEXT    NOT NULL,
    bot         TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    delete_at   INTEGER
) WITHOUT ROWID;

-- Keys that tokens are signed with (PKCS #8, PEM), newest last.
CREATE TABLE signing_keys (
    id         INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    pem        TEXT    NOT NULL
);

-- One value each: the key that recording tokens are made with.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;
