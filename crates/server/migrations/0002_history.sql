-- What is old is forgotten by its time.
CREATE INDEX journal_by_time ON journal (at);
