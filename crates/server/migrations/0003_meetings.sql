-- Meetings of the workplace. Unlike the rest of this file they are private: subjects, addresses of
-- those invited, and what opens a meeting. A meeting goes when its time is over.
CREATE TABLE meetings (
    id          TEXT    PRIMARY KEY,
    organizer   TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    number      TEXT    NOT NULL,
    passcode    TEXT,
    token       TEXT    NOT NULL,
    external_id TEXT,
    created_at  INTEGER NOT NULL,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    -- The rest, as the API writes it.
    details     TEXT    NOT NULL
) WITHOUT ROWID;
-- Not unique: who makes a meeting looks first, and a batch of writes must not fail over one row.
CREATE INDEX meetings_by_number ON meetings (number);
CREATE INDEX meetings_by_token ON meetings (token);
CREATE INDEX meetings_by_external_id ON meetings (organizer, external_id);
CREATE INDEX meetings_by_end ON meetings (ends_at);

-- How many meetings each person had made in a month (counted from January 1970); those that were
-- deleted count as well.
CREATE TABLE meetings_made (
    organizer TEXT    NOT NULL,
    month     INTEGER NOT NULL,
    made      INTEGER NOT NULL,
    PRIMARY KEY (organizer, month)
) WITHOUT ROWID;
