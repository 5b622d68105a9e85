-- Whose recorded answer it is: a tag made of the caller's number and a key of ours, so that everything of
-- one caller can be found and deleted, and the number stands nowhere.
ALTER TABLE recordings ADD COLUMN caller BLOB;
