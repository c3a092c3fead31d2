mod authorities;
mod file;
mod signing;
mod transport;
