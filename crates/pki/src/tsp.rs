//! Time-stamps (RFC 3161, RFC 5816, ETSI EN 319 422): read a request, make a token; read and check a token.
//!
//! [`TimeStampRequest::parse`] → [`UnsignedToken::build`] → [`UnsignedToken::sign`] answers a request;
//! [`TimeStampToken::parse`] → [`TimeStampToken::verify`] checks what somebody answered.

mod build;
mod failure;
mod request;
mod structures;
mod time;
mod token;
mod verify;

pub use build::{TimeStampingUnit, UnsignedToken};
pub use failure::TimeStampFailure;
pub use request::{MessageImprint, TimeStampRequest};
pub use token::TimeStampToken;
pub use verify::{TokenError, VerifiedTimeStamp};

#[cfg(test)]
mod tests;
