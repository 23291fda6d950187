-- Times are seconds: wall times since 1970 (UTC).

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    name TEXT PRIMARY KEY,
    data TEXT NOT NULL                     -- JSON, core.model.Task
) STRICT, WITHOUT ROWID;

CREATE TABLE replica (
    task    TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    data    TEXT NOT NULL,                 -- JSON, core.model.Replica without its id
    PRIMARY KEY (task, "index")
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    run       INTEGER PRIMARY KEY,
    task      TEXT NOT NULL,
    "index"   INTEGER NOT NULL,
    "trigger" TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    started   REAL NOT NULL,
    pid       INTEGER,
    ended     REAL,
    code      INTEGER,
    signal    INTEGER,
    error     TEXT,
    cpu       REAL,
    max_rss   INTEGER
) STRICT;

CREATE INDEX run_of_task ON run (task, run);

CREATE TABLE event (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      REAL NOT NULL,
    kind    TEXT NOT NULL,
    task    TEXT NOT NULL,
    replica INTEGER,
    run     INTEGER,
    pid     INTEGER,
    reason  TEXT NOT NULL,
    actor   TEXT NOT NULL
) STRICT;
