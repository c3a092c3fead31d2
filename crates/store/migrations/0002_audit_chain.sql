-- The audit trail becomes a chain, what stays of a session gets a table, published certificates are remembered.
--
--   * `hash` is NULL only within the run that applies this migration, which then links what was there before.
--   * `account_id`, `relying_party_uuid`, `session_id` repeat what is in `record`, to be looked up by.

CREATE TABLE audit_entry (
    seq BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0), -- from one, without gaps
    at BIGINT NOT NULL,
    account_id TEXT,
    relying_party_uuid TEXT,
    session_id TEXT,
    record TEXT NOT NULL, -- byte for byte what the hash is over
    hash BYTEA
);
CREATE INDEX audit_entry_at ON audit_entry (at, seq);
CREATE INDEX audit_entry_session ON audit_entry (session_id, seq) WHERE session_id IS NOT NULL;

INSERT INTO audit_entry (seq, at, record)
    SELECT ROW_NUMBER() OVER (ORDER BY at, unit, line), at, record FROM audit_record;
DROP TABLE audit_record;

-- One row: where the chain stands. Without the column key nobody can write one that fits a shortened chain.
CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    head BYTEA NOT NULL -- encrypted: number and hash
);

CREATE TABLE audit_checkpoint (
    seq BIGINT NOT NULL PRIMARY KEY,
    statement BYTEA NOT NULL -- encrypted: what the deployment's root key signed
);

CREATE TABLE evidence (
    session_id TEXT NOT NULL PRIMARY KEY,
    relying_party_uuid TEXT NOT NULL,
    account_id TEXT,
    ended_at BIGINT NOT NULL,
    record BYTEA NOT NULL -- encrypted: request and result
);
CREATE INDEX evidence_account ON evidence (account_id, ended_at, session_id) WHERE account_id IS NOT NULL;

CREATE TABLE published_certificate (
    sha256 TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    certificate BYTEA NOT NULL
);
