-- A store as the first version (0001) left it, in which an article is taken down; kept, and changed no more.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE changes (
	sequence BIGINT NOT NULL,
	moment TEXT NOT NULL,
	who TEXT NOT NULL,
	action TEXT NOT NULL,
	subject TEXT NOT NULL,
	"before" JSON NOT NULL,
	"after" JSON NOT NULL,
	reason TEXT NOT NULL,
	PRIMARY KEY (sequence)
);
INSERT INTO "changes" VALUES(1,'2026-01-02T03:04:05.000006Z','ann','takedown','a003','null','{"article": "a003", "since": "2026-01-02T03:04:05.000006Z", "until": null, "who": "ann", "reason": "x"}','x');
CREATE TABLE head (
	id INTEGER NOT NULL,
	sequence BIGINT NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO "head" VALUES(1,1);
CREATE TABLE keys (
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	scope TEXT NOT NULL,
	digest TEXT NOT NULL,
	created TEXT NOT NULL,
	expires TEXT,
	revoked TEXT,
	last_used TEXT,
	PRIMARY KEY (id)
);
CREATE TABLE takedowns (
	article TEXT NOT NULL,
	since TEXT NOT NULL,
	until TEXT,
	who TEXT NOT NULL,
	reason TEXT NOT NULL,
	sequence BIGINT NOT NULL,
	PRIMARY KEY (article)
);
INSERT INTO "takedowns" VALUES('a003','2026-01-02T03:04:05.000006Z',NULL,'ann','x',1);
CREATE INDEX changes_by_subject ON changes (subject, sequence);
COMMIT;
