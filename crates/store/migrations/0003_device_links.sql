-- Sessions that a device link leads to are found by the SHA-256 of their token.
ALTER TABLE session ADD COLUMN token_sha256 TEXT;
CREATE UNIQUE INDEX session_token ON session (token_sha256) WHERE token_sha256 IS NOT NULL;
