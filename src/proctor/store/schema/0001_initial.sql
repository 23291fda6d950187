-- Times are seconds: wall times since 1970 (UTC), deadlines since boot (void after a reboot).

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    name       TEXT PRIMARY KEY,
    spec       TEXT NOT NULL,              -- JSON, core.model.Spec
    start_time REAL NOT NULL,
    last_time  REAL,
    next_fire  REAL,
    removing   INTEGER NOT NULL,
    skipped    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE replica (
    task     TEXT NOT NULL,
    "index"  INTEGER NOT NULL,
    state    TEXT NOT NULL,
    wanted   INTEGER NOT NULL,
    asked    INTEGER NOT NULL,
    run      INTEGER NOT NULL,
    pid      INTEGER,
    ticks    INTEGER,                      -- the process's start time: with the pid, its identity
    exit     TEXT,                         -- JSON, core.model.Exit
    deadline REAL,
    since    REAL NOT NULL,
    started  REAL,
    restarts INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    PRIMARY KEY (task, "index")
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    run       INTEGER PRIMARY KEY,
    task      TEXT NOT NULL,
    "index"   INTEGER NOT NULL,
    "trigger" TEXT NOT NULL,
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
