-- How many calls each bot that has a bound on them had in a month (counted from January 1970). One row
-- a bot and a month.
CREATE TABLE calls_made (
    bot   TEXT    NOT NULL,
    month INTEGER NOT NULL,
    made  INTEGER NOT NULL,
    PRIMARY KEY (bot, month)
) WITHOUT ROWID;
