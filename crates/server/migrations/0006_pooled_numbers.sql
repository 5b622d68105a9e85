-- Numbers of the pool that stand for a call on its way, and what belongs to it. Private: it is what a bot
-- says of its caller. A row goes when it is read, or when its time is over.
CREATE TABLE pooled_numbers (
    number  TEXT    PRIMARY KEY,
    context TEXT    NOT NULL,
    until   INTEGER NOT NULL
) WITHOUT ROWID;
