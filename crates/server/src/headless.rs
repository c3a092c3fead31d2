//! `smart-id device`: a headless phone kept in a file. All decisions are the `device` crate's; here are its storage, its
//! network and the words on the command line.

pub mod command;
pub mod handset;
mod report;
mod storage;
pub(crate) mod transport;

pub use command::DeviceArgs;
