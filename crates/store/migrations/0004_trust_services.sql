-- Every certificate that the authorities sign has a record that stands before the signature; revocation lists, decisions
-- about trust services and trusted lists are kept.
--
--   * Certificates that were given out before are recorded within the run that applies this migration.
--   * `issuer` is the SHA-1 of the authority's public key in hexadecimal, `serial` the octets of the INTEGER.
--   * `reason` is the number of the CRLReason (RFC 5280 §5.3.1).

CREATE TABLE certificate_record (
    issuer TEXT NOT NULL,
    serial TEXT NOT NULL,
    kind TEXT NOT NULL,
    tbs BYTEA NOT NULL, -- encrypted: it has the person's name and date of birth in it
    recorded_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    issued_at BIGINT,
    sha256 BYTEA,
    account_id TEXT REFERENCES account (id),
    certificate BYTEA, -- a responder's; a person's is in `account_key`
    revoked_at BIGINT,
    reason BIGINT,
    PRIMARY KEY (issuer, serial),
    CHECK ((issued_at IS NULL) = (sha256 IS NULL)),
    CHECK (issued_at IS NOT NULL OR (account_id IS NULL AND certificate IS NULL)),
    CHECK ((revoked_at IS NULL) = (reason IS NULL))
);
CREATE INDEX certificate_record_revoked ON certificate_record (issuer, serial) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificate_record_abandoned ON certificate_record (recorded_at)
    WHERE issued_at IS NULL AND revoked_at IS NULL;
CREATE INDEX certificate_record_account ON certificate_record (account_id, kind) WHERE account_id IS NOT NULL;
CREATE INDEX account_key_destroyed ON account_key (account_id, purpose, destroyed_at, destroyed_reason)
    WHERE destroyed_at IS NOT NULL;
CREATE INDEX certificate_record_responder ON certificate_record (issuer, expires_at) WHERE kind = 'ocsp_responder';

-- The newest list of each authority; the numbers only rise.
CREATE TABLE revocation_list (
    issuer TEXT NOT NULL,
    number BIGINT NOT NULL CHECK (number > 0),
    this_update BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    der BYTEA NOT NULL,
    PRIMARY KEY (issuer, number)
);

CREATE TABLE trust_decision (
    position BIGINT NOT NULL PRIMARY KEY CHECK (position > 0), -- from one, in the order of the decisions
    service TEXT NOT NULL,
    status TEXT NOT NULL,
    since BIGINT NOT NULL,
    decided_at BIGINT NOT NULL
);

-- All that were ever published: what was trusted on a day of the past is read there.
CREATE TABLE trusted_list (
    sequence BIGINT NOT NULL PRIMARY KEY CHECK (sequence > 0),
    issued_at BIGINT NOT NULL,
    next_update BIGINT NOT NULL,
    content BYTEA NOT NULL, -- SHA-256 of everything in it but sequence and times
    xml TEXT NOT NULL,
    list_of_lists TEXT NOT NULL
);
