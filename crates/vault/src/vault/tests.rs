mod authorities;
mod file;
mod old_file;
mod services;
mod signing;
mod transport;
