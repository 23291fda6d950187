-- AUTOINCREMENT keeps its own count in another table, which every save then has to write.  The
-- newest event is always kept, so one more than the last is a number that was never given.

CREATE TABLE numbered_event (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    task    TEXT NOT NULL,
    replica INTEGER,
    run     INTEGER,
    pid     INTEGER,
    reason  TEXT NOT NULL,
    actor   TEXT NOT NULL
) STRICT;

INSERT INTO numbered_event SELECT * FROM event;
DROP TABLE event;
ALTER TABLE numbered_event RENAME TO event;
DELETE FROM meta WHERE key = 'next_run';
