-- The whole schema, in SQL that SQLite and PostgreSQL both take.
--
--   * BYTEA is PostgreSQL's word for bytes. SQLite takes any word as a type and stores bytes as bytes.
--   * Moments are BIGINT: nanoseconds since 1970-01-01 UTC.
--   * Identifiers are TEXT: UUIDs with hyphens, 16-byte identifiers in lower-case hexadecimal.
--   * What is looked up, ordered by or compared has a column of its own; the rest of a state is JSON.
--   * "encrypted" columns hold key id, nonce and AES-256-GCM ciphertext bound to table, row and column.
--   * `version` is compared and raised by every change.
--
-- A migration that was released is never edited; changes are new files.

CREATE TABLE column_key (
    id BIGINT NOT NULL PRIMARY KEY,
    proof BYTEA NOT NULL -- encrypted
);

CREATE TABLE relying_party (
    uuid TEXT NOT NULL PRIMARY KEY,
    names TEXT NOT NULL,
    networks TEXT NOT NULL,
    rights TEXT NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    version BIGINT NOT NULL
);

CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    semantics_identifier TEXT NOT NULL,
    person BYTEA NOT NULL, -- encrypted: names and date of birth
    document_number TEXT NOT NULL UNIQUE,
    level TEXT NOT NULL,
    device_id TEXT NOT NULL UNIQUE,
    device_public_key BYTEA NOT NULL,
    device_token BYTEA NOT NULL,
    device_seq BIGINT NOT NULL,
    device_superseded BIGINT NOT NULL,
    state TEXT NOT NULL,
    closed_at BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX account_person ON account (semantics_identifier, created_at);
CREATE INDEX account_overdue ON account (expires_at) WHERE closed_at IS NULL;

CREATE TABLE account_key (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    purpose BIGINT NOT NULL,
    profile BIGINT NOT NULL,
    n1 BYTEA NOT NULL,
    n2 BYTEA NOT NULL,
    n BYTEA NOT NULL,
    certificate BYTEA NOT NULL, -- encrypted: it has the person's name and date of birth in it
    pin TEXT NOT NULL,
    server_share BYTEA, -- encrypted
    server_half BYTEA, -- encrypted
    destroyed_at BIGINT,
    destroyed_reason TEXT,
    in_flight TEXT,
    UNIQUE (account_id, purpose),
    -- Both of the server's parts are there, or neither is and it is known since when and why.
    CHECK ((server_share IS NULL) = (server_half IS NULL)),
    CHECK ((server_share IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK ((destroyed_at IS NULL) = (destroyed_reason IS NULL))
);

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    relying_party_uuid TEXT NOT NULL REFERENCES relying_party (uuid),
    request BYTEA NOT NULL, -- encrypted: the text that the person is shown
    fingerprint TEXT,
    created_at BIGINT NOT NULL,
    deadline BIGINT NOT NULL,
    state_code TEXT NOT NULL,
    claimed_by TEXT,
    finished_at BIGINT,
    state BYTEA NOT NULL, -- encrypted: signature and certificate, the phone's address
    version BIGINT NOT NULL
);
CREATE INDEX session_fingerprint ON session (relying_party_uuid, fingerprint, created_at) WHERE finished_at IS NULL;
CREATE INDEX session_claimed ON session (claimed_by, created_at) WHERE finished_at IS NULL;
CREATE INDEX session_overdue ON session (deadline) WHERE finished_at IS NULL;
CREATE INDEX session_finished ON session (finished_at) WHERE finished_at IS NOT NULL;

-- The accounts that may answer a session. `created_at` is the session's, so that counting needs no join.
CREATE TABLE session_candidate (
    session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id),
    position BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, account_id)
);
CREATE INDEX session_candidate_account ON session_candidate (account_id, created_at);

CREATE TABLE device_transaction (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    operation_code BIGINT NOT NULL,
    operation TEXT NOT NULL,
    r BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state_code TEXT NOT NULL,
    processing_since BIGINT,
    ended_at BIGINT,
    state BYTEA NOT NULL, -- encrypted: evaluations and verdicts
    version BIGINT NOT NULL
);
CREATE INDEX device_transaction_account ON device_transaction (account_id, created_at);
CREATE INDEX device_transaction_awaiting ON device_transaction (account_id) WHERE state_code = 'awaiting';
CREATE INDEX device_transaction_stuck ON device_transaction (processing_since) WHERE state_code = 'processing';
CREATE INDEX device_transaction_ended ON device_transaction (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE registration (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    control_code TEXT NOT NULL,
    device_id TEXT NOT NULL,
    device_public_key BYTEA NOT NULL,
    device_token BYTEA NOT NULL,
    replaces TEXT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    proof_attempts BIGINT NOT NULL,
    state_code TEXT NOT NULL,
    ended_at BIGINT,
    keys BYTEA NOT NULL, -- encrypted: the server's halves
    state BYTEA NOT NULL, -- encrypted: the server's shares, and who the person is
    version BIGINT NOT NULL
);
-- A code may come again once the registration that had it is over.
CREATE UNIQUE INDEX registration_code ON registration (code) WHERE ended_at IS NULL;
-- A phone has one registration at a time.
CREATE UNIQUE INDEX registration_open_device ON registration (device_id) WHERE ended_at IS NULL;
CREATE INDEX registration_device ON registration (device_id, created_at);
CREATE INDEX registration_overdue ON registration (expires_at) WHERE ended_at IS NULL;
CREATE INDEX registration_ended ON registration (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE pooled_half (
    id TEXT NOT NULL PRIMARY KEY, -- SHA-256 of the modulus, so that no half is pooled twice
    profile BIGINT NOT NULL,
    position BIGINT NOT NULL,
    modulus BYTEA NOT NULL,
    server_half BYTEA NOT NULL, -- encrypted
    UNIQUE (profile, position)
);

CREATE TABLE audit_record (
    at BIGINT NOT NULL,
    unit TEXT NOT NULL, -- the unit of work that wrote it
    line BIGINT NOT NULL, -- its place in there
    record TEXT NOT NULL,
    PRIMARY KEY (at, unit, line)
);
