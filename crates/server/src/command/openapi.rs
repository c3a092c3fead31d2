use anyhow::Result;
use clap::{Args, ValueEnum};
use std::io::{Write, stdout};
use web::openapi::Api;

/// Print the OpenAPI 3.1 document of an interface
///
/// A running server has it as well, with a page to read: /openapi/
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  smart-id openapi --api rp-api-v3 > rp-api-v3.json")]
pub(super) struct OpenapiArgs {
    /// Which one
    #[arg(long, value_enum, default_value_t = Name::RpApiV3)]
    api: Name,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Name {
    /// Relying Party API v3
    #[value(alias = "rp-v3")]
    RpApiV3,
    /// Relying Party API v2
    #[value(alias = "rp-v2")]
    RpApiV2,
}

pub(super) fn run(arguments: &OpenapiArgs) -> Result<()> {
    let api = match arguments.api {
        Name::RpApiV3 => Api::RpV3,
        Name::RpApiV2 => Api::RpV2,
    };
    stdout().write_all(api.text().as_bytes())?;
    Ok(())
}
